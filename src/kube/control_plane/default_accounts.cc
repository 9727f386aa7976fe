// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/default_accounts.h"

#include "kube/api/stored_kinds.h"
#include "kube/control_plane/self.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

constexpr const char* kName = "default";

json::Tree account() {
  json::TreeObject object;
  object["apiVersion"] = "v1";
  object["kind"] = "ServiceAccount";
  object["metadata"].object()["name"] = kName;
  return object;
}

}  // namespace

bool make_default_accounts(const Verbs& verbs, const ObjectSource& objects) {
  bool is_to_look_again = false;
  for (const json::Tree& name_space : objects.list("namespaces", "")) {
    const std::string name(name_space.text_at("metadata", "name"));
    if (name_space.find("metadata", "deletionTimestamp") != nullptr) continue;
    if (objects.get(stored::kServiceAccounts, name, kName)) continue;
    const auto made = verbs.run({.user = self(),
                                 .verb = Verb::Create,
                                 .resource = *Catalog::built_in().find_kind("", "v1", "ServiceAccount"),
                                 .name_space = name,
                                 .body = account(),
                                 .user_agent = "gantry"});
    // Somebody was faster, or the namespace goes: there will be news.
    if (!made && made.error()->code >= 500) is_to_look_again = true;
  }
  return is_to_look_again;
}

}  // namespace gantry::kube
