// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

TEST(Ingress, LeadsToBackends) {
  const Resource ingresses = resource("networking.k8s.io", "Ingress");
  const auto of = [&](std::string path) {
    return faults(ingresses,
                  object(R"("spec":{"rules":[{"host":"*.example.com","http":{"paths":[)" + path + "]}}]}"));
  };
  EXPECT_EQ(
      of(R"({"path":"/a","pathType":"Prefix","backend":{"service":{"name":"web","port":{"number":80}}}})"),
      "");
  EXPECT_EQ(of(R"({"path":"a/../b","pathType":"Exact","backend":{"service":{"name":"web","port":{}}}})"),
            "spec.rules[0].http.paths[0].path: Invalid value: \"a/../b\": must be an absolute path\n"
            "spec.rules[0].http.paths[0].path: Invalid value: \"a/../b\": must not contain '/../'\n"
            "spec.rules[0].http.paths[0].backend: Required value: port name or number is required");
  EXPECT_EQ(faults(ingresses, object(R"("spec":{})")),
            "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified");
}

TEST(NetworkPolicy, NamesPeersAndPorts) {
  const Resource policies = resource("networking.k8s.io", "NetworkPolicy");
  EXPECT_EQ(
      faults(
          policies,
          object(
              R"("spec":{"podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8"}}],"ports":[{"port":80,"endPort":90}]}]})")),
      "");
  EXPECT_EQ(
      faults(
          policies,
          object(
              R"("spec":{"podSelector":{},"egress":[{"to":[{},{"ipBlock":{"cidr":"10.0.0.0/33"}}],"ports":[{"endPort":90}]}]})")),
      "spec.egress[0].ports[0].endPort: Invalid value: 90: may not be specified when `port` is not "
      "specified\n"
      "spec.egress[0].to[0]: Required value: must specify a peer\n"
      "spec.egress[0].to[1].ipBlock.cidr: Invalid value: \"10.0.0.0/33\": must be a valid CIDR value, (e.g. "
      "10.9.8.0/24 or "
      "2001:db8::/64)");
}

}  // namespace
}  // namespace gantry::kube::rules
