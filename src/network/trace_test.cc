// SPDX-License-Identifier: Apache-2.0
#include "kernel/network/nft_batch.h"
#include "network/sysctl.h"
#include "network/test_host.h"

namespace gantry::network {
namespace {

using Verdict = TraceStep::Verdict;

// A bridge has a carrier a moment after it has got its first port. Until then nothing passes, and a trace
// says so.
bool have_carriers() {
  const std::vector<kernel::Link> links = MUST(MUST(kernel::RouteSocket::open()).links());
  return std::ranges::all_of(links, [&](const kernel::Link& port) {
    const auto bridge = std::ranges::find(links, port.master, &kernel::Link::index);
    return bridge == links.end() || bridge->has_carrier;
  });
}

struct Trace {
  Trace(const TestHost& host, const TraceRequest& request) {
    EXPECT_TRUE(comes_true(have_carriers));
    steps = MUST(host.networks->trace(request));
  }
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
    EXPECT_TRUE(refused.says("sandbox 'db': nobody listens at tcp port 5432")) << refused.text();
    const UniqueFd deaf = serve(host.path("db"), "127.0.0.1", 5432);
    const Trace aside(host, {.from = "web", .to = "db", .port = 5432});
    EXPECT_EQ(aside.verdict(), Verdict::Drops);
    EXPECT_TRUE(aside.says("does so at 127.0.0.1 alone, not at 10.1.0.3")) << aside.text();
    const UniqueFd server = serve(host.path("db"), "0.0.0.0", 5433);
    const Trace passes(host, {.from = "web", .to = "db.shop", .port = 5433});
    EXPECT_EQ(passes.verdict(), Verdict::Passes) << passes.text();
    for (const char* part :
         {"sandbox 'web': name 'db.shop' is 10.1.0.3 on network 'shop'",
          "route 10.1.0.0/24: directly by eth0",
          "interface eth0 has 10.1.0.2/24, hardware address 02:42:0a:01:00:02, MTU 1500",
          "neighbour 10.1.0.3 is not known yet at eth0", "host: comes by port veth", "hands it on",
          "host: leaves by port veth", "sandbox 'db': comes in by eth0", "somebody listens at tcp port 5433"})
      EXPECT_TRUE(passes.says(part)) << part << "\n" << passes.text();
    // Neighbours that have met are known.
    EXPECT_NE(reach(server, host.path("web"), "10.1.0.3", 5433), "");
    const Trace again(host, {.from = "web", .to = "10.1.0.3", .port = 5433});
    EXPECT_TRUE(again.says("neighbour 10.1.0.3 has 02:42:0a:01:00:03 at eth0")) << again.text();
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
    MUST(host.networks->create(
        {.name = "inner", .internal = true, .ipam = {.config = {{.subnet = "10.2.0.0/24"}}}}));
    host.container("i", "inner");
    const Trace out(host, {.from = "i", .to = "10.9.9.9", .port = 80});
    EXPECT_EQ(out.verdict(), Verdict::Drops) << out.text();  // it has no route
  });
}

TEST(Trace, BeginsAtAnotherMachineAndEndsThere) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    const EndpointSettings a = host.container("a", "bridge");
    const PortRequest port{.container_port = 80, .first_host_port = 8080, .last_host_port = 8080};
    MUST(host.networks->publish("a", std::span(&port, 1)));
    const UniqueFd server = serve(host.path("a"), "0.0.0.0", 80);
    const Trace in(host, {.from = "10.9.0.2", .to = "10.9.0.1", .port = 8080});
    EXPECT_EQ(in.verdict(), Verdict::Passes) << in.text();
    for (const char* part : {"comes from 10.9.0.2 by interface uplink", "10.9.0.1 is an address of the host",
                             "chain published: tcp port 8080 of 10.9.0.1 leads to 172.17.0.2 port 80",
                             "chain forward: it goes where a published port leads"})
      EXPECT_TRUE(in.says(part)) << part << "\n" << in.text();
    const Trace unpublished(host, {.from = "10.9.0.2", .to = a.ip_address, .port = 80});
    EXPECT_EQ(unpublished.verdict(), Verdict::Drops) << unpublished.text();
    EXPECT_TRUE(unpublished.says("only its published ports are reached from outside")) << unpublished.text();
    const Trace out(host, {.from = "a", .to = "10.9.0.2", .port = 443});
    EXPECT_EQ(out.verdict(), Verdict::Passes) << out.text();
    for (const char* part :
         {"route 0.0.0.0/0: to the gateway 172.17.0.1 by eth0", "chain forward: no rule drops it",
          "chain postrouting: what leaves network 'bridge' gets the host's address",
          "leaves the host by uplink"})
      EXPECT_TRUE(out.says(part)) << part << "\n" << out.text();
    EXPECT_EQ(host.networks->trace({.from = a.ip_address, .to = "10.9.0.1", .port = 1}).error().code(),
              Code::InvalidArgument);
    EXPECT_EQ(host.networks->trace({.from = "nosuch", .to = "10.9.0.1", .port = 1}).error().code(),
              Code::NotFound);
    MUST(write_sysctl("ipv4/ip_forward", "0"));
    const Trace stuck(host, {.from = "a", .to = "10.9.0.2", .port = 443});
    EXPECT_TRUE(stuck.says("forwarding is off")) << stuck.text();
  });
}

TEST(Trace, NamesChainsOfOthers) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    host.container("a", "bridge");
    auto socket = MUST(kernel::NetlinkSocket::open(NETLINK_NETFILTER));
    kernel::NftBatch batch("theirs");
    batch.add_table();
    batch.add_base_chain({.name = "strict", .hook = NF_INET_FORWARD, .priority = 10});
    MUST(batch.commit(socket));
    const Trace trace(host, {.from = "a", .to = "10.9.0.2", .port = 443});
    EXPECT_EQ(trace.verdict(), Verdict::Passes) << trace.text();
    EXPECT_TRUE(trace.says("chain strict of table inet theirs sees it too")) << trace.text();
  });
}

TEST(Trace, EndsAtTheNameService) {
  IN_OWN_HOST({
    TestHost host;
    MUST(host.networks->create({.name = "shop"}));
    host.container("web", "shop");
    const Trace trace(host, {.from = "web", .to = "127.0.0.11", .protocol = Protocol::Udp, .port = 53});
    EXPECT_EQ(trace.verdict(), Verdict::Passes) << trace.text();
    EXPECT_TRUE(trace.says("where gantryd's name service listens")) << trace.text();
  });
}

TEST(Trace, KnowsWhomMacvlanReaches) {
  IN_OWN_HOST({
    TestHost host;
    const Neighbour neighbour(host);
    NetworkConfig config{.name = "lan", .driver = "macvlan"};
    config.ipam.config.push_back(
        {.subnet = "10.9.0.0/24", .ip_range = "10.9.0.64/26", .gateway = "10.9.0.1"});
    config.options = {{std::string(kOptionParent), "uplink"}};
    MUST(host.networks->create(config));
    host.container("a", "lan");
    host.container("b", "lan");
    const UniqueFd server = serve(host.path("b"), "0.0.0.0", 80);
    EXPECT_EQ(Trace(host, {.from = "a", .to = "b", .port = 80}).verdict(), Verdict::Passes);
    EXPECT_EQ(Trace(host, {.from = "a", .to = "10.9.0.1", .port = 80}).verdict(), Verdict::Drops);
    EXPECT_EQ(Trace(host, {.from = "a", .to = "10.9.0.2", .port = 80}).verdict(), Verdict::Unknown);
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
      EXPECT_TRUE(trace.says("chain published: tcp port 8080")) << trace.text();
      EXPECT_TRUE(trace.says("leads to 172.17.0.2 port 80")) << trace.text();
      EXPECT_TRUE(trace.says("chain postrouting: what ")) << trace.text();
      EXPECT_TRUE(trace.says("sandbox 'b': comes in by eth0")) << trace.text();
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
