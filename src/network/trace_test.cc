// SPDX-License-Identifier: Apache-2.0
#include "network/test_host.h"

namespace gantry::network {
namespace {

using Verdict = TraceStep::Verdict;

struct Trace {
  Trace(const TestHost& host, const TraceRequest& request) : steps(MUST(host.networks->trace(request))) {}
  Verdict verdict() const { return steps.back().verdict; }
  // All steps as text, for a failing test.
  std::string text() const {
    std::string all;
    for (const TraceStep& step : steps) all += step.where + ": " + step.what + "\n";
    return all;
  }
  bool says(const std::string& part) const { return text().find(part) != std::string::npos; }
  std::vector<TraceStep> steps;
};

TEST(Trace, FollowsAPacketToWhoListens) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->create({.name = "shop", .ipam = {.config = {{.subnet = "10.1.0.0/24"}}}}));
    host.container("web", "shop");
    host.container("db", "shop");
    const Trace refused(host, {.from = "web", .to = "db", .port = 5432});
    EXPECT_EQ(refused.verdict(), Verdict::Drops);
    EXPECT_TRUE(refused.says("nobody listens at tcp port 5432")) << refused.text();
    const UniqueFd server = serve(host.path("db"), "0.0.0.0", 5432);
    const Trace passes(host, {.from = "web", .to = "db", .port = 5432});
    EXPECT_EQ(passes.verdict(), Verdict::Passes) << passes.text();
    EXPECT_TRUE(passes.says("name 'db' is 10.1.0.3 on network 'shop'")) << passes.text();
    EXPECT_TRUE(passes.says("goes directly by eth0, as 10.1.0.2")) << passes.text();
    const Trace unknown(host, {.from = "web", .to = "nosuch", .port = 1});
    EXPECT_EQ(unknown.verdict(), Verdict::Drops);
  });
}

TEST(Trace, NamesTheRuleThatDrops) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->create({.name = "one", .ipam = {.config = {{.subnet = "10.1.0.0/24"}}}}));
    host.container("a", "one");
    const EndpointSettings b = host.container("b", "bridge");
    const Trace trace(host, {.from = "a", .to = b.ip_address, .port = 80});
    EXPECT_EQ(trace.verdict(), Verdict::Drops);
    EXPECT_TRUE(trace.says("chain forward: 172.17.0.2 is of network 'bridge'")) << trace.text();
  });
}

TEST(Trace, FollowsPublishedPorts) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->create({.name = "one", .ipam = {.config = {{.subnet = "10.1.0.0/24"}}}}));
    host.container("a", "one");
    host.container("b", "bridge");
    const PortRequest port{.container_port = 80, .first_host_port = 8080, .last_host_port = 8080};
    MUST(host.networks->publish("b", std::span(&port, 1)));
    const UniqueFd server = serve(host.path("b"), "0.0.0.0", 80);
    for (const TraceRequest& request : {TraceRequest{.from = "a", .to = "10.1.0.1", .port = 8080},
                                        TraceRequest{.to = "127.0.0.1", .port = 8080}}) {
      const Trace trace(host, request);
      EXPECT_EQ(trace.verdict(), Verdict::Passes) << trace.text();
      EXPECT_TRUE(trace.says("chain published: port 8080")) << trace.text();
      EXPECT_TRUE(trace.says("leads to 172.17.0.2 port 80")) << trace.text();
      EXPECT_TRUE(trace.says("sandbox 'b': arrives by eth0")) << trace.text();
    }
  });
}

TEST(Trace, SeesWhatIsMissing) {
  IN_OWN_HOST({
    TestHost host;
    const EndpointSettings a = host.container("a", "bridge");
    const EndpointSettings b = host.container("b", "bridge");
    auto routes = MUST(kernel::RouteSocket::open());
    kernel::RouteBatch batch;
    batch.delete_link("veth" + b.endpoint_id.substr(0, 11));
    MUST(routes.run(batch));
    const Trace trace(host, {.from = "a", .to = b.ip_address, .port = 80});
    EXPECT_EQ(trace.verdict(), Verdict::Drops);
    EXPECT_TRUE(trace.says("is missing")) << trace.text();
  });
}

}  // namespace
}  // namespace gantry::network
