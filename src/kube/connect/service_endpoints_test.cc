// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/service_endpoints.h"

#include <gtest/gtest.h>

#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

std::string text_of(const std::vector<ServiceEndpoint>& endpoints) {
  std::string text;
  for (const ServiceEndpoint& each : endpoints) text += each.address + ":" + std::to_string(each.port) + " ";
  return text;
}

TEST(ServiceEndpoints, AreTheReadyAddressesOfItsEndpoints) {
  testing::TestObjects objects;
  objects.put(stored::kEndpoints, R"({"metadata":{"namespace":"a","name":"web"},"subsets":[
    {"addresses":[{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}],"notReadyAddresses":[{"ip":"10.0.0.3"}],
     "ports":[{"name":"http","port":8080},{"name":"admin","port":9000}]},
    {"addresses":[{"ip":"10.0.0.4"}],"ports":[{"name":"http","port":8081}]}]})");
  EXPECT_EQ(text_of(service_endpoints(objects, "a", "web", "http")),
            "10.0.0.1:8080 10.0.0.2:8080 10.0.0.4:8081 ");
  EXPECT_EQ(text_of(service_endpoints(objects, "a", "web", "admin")), "10.0.0.1:9000 10.0.0.2:9000 ");
  EXPECT_EQ(text_of(service_endpoints(objects, "a", "web", "")), "");
  EXPECT_EQ(text_of(service_endpoints(objects, "b", "web", "http")), "");
}

TEST(ServiceEndpoints, ComeFromSlicesWhereThereIsNothingElse) {
  testing::TestObjects objects;
  objects.put(stored::kEndpointSlices, R"({"metadata":{"namespace":"a","name":"web-1",
    "labels":{"kubernetes.io/service-name":"web"}},"addressType":"IPv4","ports":[{"name":"","port":80}],
    "endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true}},
                 {"addresses":["10.0.0.2"],"conditions":{"ready":false}},{"addresses":["10.0.0.3"]}]})");
  objects.put(stored::kEndpointSlices, R"({"metadata":{"namespace":"a","name":"other",
    "labels":{"kubernetes.io/service-name":"other"}},"ports":[{"port":80}],
    "endpoints":[{"addresses":["10.0.0.9"]}]})");
  EXPECT_EQ(text_of(service_endpoints(objects, "a", "web", "")), "10.0.0.1:80 10.0.0.3:80 ");
}

TEST(ServiceEndpoints, HavePortsByNumberAndByName) {
  const auto service = MUST(
      json::Tree::parse(R"({"spec":{"ports":[{"name":"http","port":80},{"name":"admin","port":9000}]}})"));
  EXPECT_EQ(find_service_port(service, "9000")->text_at("name"), "admin");
  EXPECT_EQ(find_service_port(service, "http")->text_at("name"), "http");
  EXPECT_EQ(find_service_port(service, "81"), nullptr);
}

TEST(ServiceEndpoints, AreNotProxiedToTheServerItself) {
  for (const char* address : {"127.0.0.1", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "224.0.0.1",
                              "ff02::1", "255.255.255.255", "::ffff:127.0.0.1", "", "localhost", "10.0.0"})
    EXPECT_FALSE(is_proxyable(address)) << address;
  for (const char* address : {"10.0.0.1", "192.0.2.1", "fd00::1", "2001:db8::1", "::ffff:10.0.0.1"})
    EXPECT_TRUE(is_proxyable(address)) << address;
}

}  // namespace
}  // namespace gantry::kube
