// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/service_router.h"

#include <gtest/gtest.h>

#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

class Routes : public ::testing::Test {
 protected:
  void put_service(std::string_view spec) {
    objects_.put(stored::kServices,
                 fmt::format(R"({{"metadata":{{"namespace":"web","name":"hook"}},"spec":{}}})", spec));
  }
  void put_endpoints() {
    objects_.put(stored::kEndpoints, R"({"metadata":{"namespace":"web","name":"hook"},"subsets":[
      {"addresses":[{"ip":"10.1.0.7"}],"ports":[{"name":"https","port":8443}]}]})");
  }
  // "URL at HOST", or what is wrong.
  std::string route(ServiceRouting routing, std::uint16_t port = 443) {
    http::ClientRequest request{.url = {.path = "/review", .query = "a=b"}};
    const auto directed =
        ServiceRouter(objects_, routing).direct(request, {.name_space = "web", .name = "hook", .port = port});
    if (!directed) return std::string(directed.error().message());
    return fmt::format("{} at {}", request.url.str(), request.connect_host);
  }
  testing::TestObjects objects_;
};

constexpr const char* kService =
    R"({"type":"ClusterIP","clusterIP":"10.96.0.9","ports":[{"name":"https","port":443,"targetPort":8443}]})";

TEST_F(Routes, LeadToTheAddressesBehindAService) {
  put_service(kService);
  put_endpoints();
  EXPECT_EQ(route(ServiceRouting::Endpoints), "https://hook.web.svc:8443/review?a=b at 10.1.0.7");
}

TEST_F(Routes, LeadToItsOwnAddressWhereThatIsWanted) {
  put_service(kService);
  EXPECT_EQ(route(ServiceRouting::ClusterAddress), "https://hook.web.svc/review?a=b at 10.96.0.9");
}

TEST_F(Routes, LeadOutOfTheClusterByName) {
  put_service(R"({"type":"ExternalName","externalName":"hook.example.com"})");
  for (const auto routing : {ServiceRouting::Endpoints, ServiceRouting::ClusterAddress})
    EXPECT_EQ(route(routing, 8443), "https://hook.web.svc:8443/review?a=b at hook.example.com");
}

TEST_F(Routes, SayWhatIsMissing) {
  EXPECT_EQ(route(ServiceRouting::Endpoints), "service \"hook\" not found");
  put_service(kService);
  EXPECT_EQ(route(ServiceRouting::Endpoints), "no endpoints available for service \"hook\"");
  EXPECT_EQ(route(ServiceRouting::Endpoints, 80), "no service port 80 found for service \"hook\"");
  put_service(R"({"clusterIP":"None","ports":[{"port":443}]})");
  EXPECT_EQ(route(ServiceRouting::ClusterAddress), "service \"hook\" has no address");
}

TEST(ServiceReferences, HaveAPortOfTheirOwnOrTheUsualOne) {
  const auto read = [](const char* text) {
    const auto service = ServiceReference::from_tree(MUST(json::Tree::parse(text)));
    return fmt::format("{}:{}", service.host(), service.port);
  };
  EXPECT_EQ(read(R"({"namespace":"a","name":"b"})"), "b.a.svc:443");
  EXPECT_EQ(read(R"({"namespace":"a","name":"b","port":8443})"), "b.a.svc:8443");
}

}  // namespace
}  // namespace gantry::kube
