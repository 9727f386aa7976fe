// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

const Resource& services() {
  static const Resource kResource = resource("", "Service");
  return kResource;
}
json::Tree service(std::string spec) { return object(R"("spec":{"sessionAffinity":"None",)" + spec + "}"); }
const std::string kPorts = R"("ports":[{"port":80,"protocol":"TCP","targetPort":80}])";

TEST(Service, HasPortsThatAreToldApart) {
  EXPECT_EQ(faults(services(), service(R"("type":"ClusterIP",)" + kPorts)), "");
  EXPECT_EQ(faults(services(), service(R"("type":"ClusterIP")")), "spec.ports: Required value");
  EXPECT_EQ(faults(services(), service(R"("type":"ClusterIP","clusterIP":"None")")), "");
  EXPECT_EQ(
      faults(
          services(),
          service(
              R"("type":"ClusterIP","ports":[{"port":80,"protocol":"TCP","targetPort":"http"},{"name":"b","port":80,"protocol":"TCP","targetPort":0,"nodePort":30000}])")),
      "spec.ports[0].name: Required value\n"
      "spec.ports[1].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive\n"
      "spec.ports[1]: Duplicate value: {\"port\":80,\"protocol\":\"TCP\"}\n"
      "spec.ports[1].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'");
  EXPECT_EQ(faults(services(), service(R"("type":"Other",)" + kPorts)),
            "spec.type: Unsupported value: \"Other\": supported values: \"ClusterIP\", \"ExternalName\", "
            "\"LoadBalancer\", "
            "\"NodePort\"");
}

TEST(Service, KeepsItsAddress) {
  const json::Tree before =
      service(R"("type":"ClusterIP","clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1"],)" + kPorts);
  json::Tree object = service(R"("type":"NodePort",)" + kPorts);
  prepare({services(), "", &before}, object);
  EXPECT_EQ(object.text_at("spec", "clusterIP"), "10.0.0.1");
  EXPECT_EQ(faults(services(), object, &before), "");
  EXPECT_EQ(
      faults(services(),
             service(R"("type":"ClusterIP","clusterIP":"10.0.0.2","clusterIPs":["10.0.0.2"],)" + kPorts),
             &before),
      "spec.clusterIPs[0]: Invalid value: [\"10.0.0.2\"]: may not change once set");
}

}  // namespace
}  // namespace gantry::kube::rules
