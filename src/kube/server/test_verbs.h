// SPDX-License-Identifier: Apache-2.0
//
// For tests: the verbs on a store of their own, with the built-in kinds and a namespace.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kube/schema/catalog.h"
#include "kube/server/service_addresses.h"
#include "kube/server/verbs.h"
#include "kube/storage/test_storage.h"

namespace gantry::kube {

class TestVerbs {
 public:
  TestVerbs() { make_namespace("default"); }

  TestStorage& storage() { return storage_; }
  const Verbs& verbs() const { return verbs_; }
  const Resource& resource(std::string_view name) const {
    const std::size_t dot = name.find('.');
    const std::string_view group = dot == std::string_view::npos ? "" : name.substr(dot + 1);
    for (const Resource& each : Catalog::built_in().resources())
      if (each.plural == name.substr(0, dot) && each.kind.group == group) return each;
    std::abort();
  }

  // "pods", "deployments.apps"; in the namespace default, if the kind has them.
  ApiRequest request(Verb verb, std::string_view kind, std::string_view name = "",
                     std::string body = "") const {
    const Resource& of = resource(kind);
    return {.user = user_,
            .verb = verb,
            .resource = of,
            .name_space = of.is_namespaced ? "default" : "",
            .name = std::string(name),
            .body = std::move(body),
            .user_agent = "test/1.0"};
  }
  Answer<ApiAnswer> run(const ApiRequest& request) const { return verbs_.run(request); }
  Answer<ApiAnswer> create(std::string_view kind, std::string body) const {
    return run(request(Verb::Create, kind, "", std::move(body)));
  }
  Answer<ApiAnswer> get(std::string_view kind, std::string_view name) const {
    return run(request(Verb::Get, kind, name));
  }
  Answer<ApiAnswer> remove(std::string_view kind, std::string_view name, std::string options = "") const {
    return run(request(Verb::Delete, kind, name, std::move(options)));
  }
  Answer<ApiAnswer> patch(std::string_view kind, std::string_view name, PatchKind patch,
                          std::string body) const {
    ApiRequest asked = request(Verb::Patch, kind, name, std::move(body));
    asked.patch = patch;
    return run(asked);
  }
  void make_namespace(const std::string& name) {
    MUST_ANSWER(create("namespaces", fmt::format(R"({{"metadata":{{"name":"{}"}}}})", name)));
  }

 private:
  static std::vector<StoredKind> kinds() {
    std::vector<StoredKind> kinds;
    for (const Resource& each : Catalog::built_in().resources())
      if (each.is_kept) kinds.push_back({each.stored_as, {}});
    return kinds;
  }

  User user_{.name = "admin"};
  TestStorage storage_{kinds()};
  admission::Chain admission_;
  ServiceAddresses addresses_{
      storage_.store(), AddressRange{.first = 0x0a600000, .size = 256}, "10.96.0.0/24", {30000, 30003}};
  Verbs verbs_{{storage_.storage(), admission_, addresses_}};
};

inline json::Tree tree(const Answer<ApiAnswer>& answer) {
  if (!answer) return answer.error().to_tree();
  return MUST(json::Tree::parse(std::string(std::get<SharedBytes>(answer->content).view())));
}
inline int code(const Answer<ApiAnswer>& answer) { return answer ? answer->code : answer.error()->code; }
inline std::string message(const Answer<ApiAnswer>& answer) { return answer ? "" : answer.error()->message; }

}  // namespace gantry::kube
