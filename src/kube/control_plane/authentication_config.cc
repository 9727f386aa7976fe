// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/authentication_config.h"

#include <utility>

#include "kube/control_plane/self.h"
#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

constexpr const char* kNamespace = "kube-system";
constexpr const char* kName = "extension-apiserver-authentication";

json::Tree config_map(const AuthenticationConfig& config) {
  json::Tree object;
  object.object()["apiVersion"] = "v1";
  object.object()["kind"] = "ConfigMap";
  json::TreeObject& metadata = object.object()["metadata"].object();
  metadata["namespace"] = kNamespace;
  metadata["name"] = kName;
  json::TreeObject& data = object.object()["data"].object();
  data["client-ca-file"] = config.client_authorities;
  data["requestheader-client-ca-file"] = config.proxy_authorities;
  data["requestheader-allowed-names"] = R"(["front-proxy-client"])";
  data["requestheader-username-headers"] = R"(["X-Remote-User"])";
  data["requestheader-uid-headers"] = R"(["X-Remote-Uid"])";
  data["requestheader-group-headers"] = R"(["X-Remote-Group"])";
  data["requestheader-extra-headers-prefix"] = R"(["X-Remote-Extra-"])";
  return object;
}

}  // namespace

Answer<void> publish_authentication(const Verbs& verbs, const ObjectSource& objects,
                                    const AuthenticationConfig& config) {
  const auto present = objects.get("configmaps", kNamespace, kName);
  json::Tree wanted = config_map(config);
  const json::Tree* data = present ? present->find("data") : nullptr;
  if (data != nullptr && *data == *wanted.find("data")) return {};
  ApiRequest request{.user = self(),
                     .verb = present ? Verb::Update : Verb::Create,
                     .resource = *Catalog::built_in().find("", "v1", "configmaps"),
                     .name_space = kNamespace,
                     .name = present ? kName : "",
                     .body = std::move(wanted),
                     .user_agent = "gantry"};
  auto written = verbs.run(request);
  if (written || written.error()->code == 409) return {};  // another server was faster, with the same
  return std::move(written).error();
}

}  // namespace gantry::kube
