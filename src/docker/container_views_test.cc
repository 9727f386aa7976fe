// SPDX-License-Identifier: Apache-2.0
#include "docker/container_views.h"

#include <gtest/gtest.h>

namespace gantry::docker {
namespace {

using engine::Status;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr engine::TimeNs kNow = 1'763'720'430 * kSecond;  // 2025-11-21T10:20:30Z

engine::ContainerRecord record() {
  auto settings = std::make_shared<engine::ContainerSettings>();
  settings->config.entrypoint = container::Words{"/bin/sh", "-c"};
  settings->config.cmd = {"echo a b"};
  settings->config.mac_address = "02:00:00:00:00:01";
  settings->image = "sha256:0123";
  settings->image_name = "busybox";
  auto networks = std::make_shared<engine::ContainerNetworks>();
  networks->ports = {{"80/tcp", {{"0.0.0.0", "8080"}, {"::", "8080"}}}, {"53/udp", {}}};
  networks->endpoints["bridge"].ip_address = "172.30.0.2";
  return {.id = std::string(64, 'a'),
          .name = "web",
          .created = kNow,
          .settings = std::move(settings),
          .networks = std::move(networks)};
}

std::string status(engine::ContainerState state) { return status_text(state, kNow); }

TEST(StatusText, is_dockers) {
  EXPECT_EQ(status({.status = Status::Created}), "Created");
  EXPECT_EQ(status({.status = Status::Running, .started = kNow - 300 * kSecond}), "Up 5 minutes");
  EXPECT_EQ(status({.status = Status::Paused, .started = kNow - 7200 * kSecond}), "Up 2 hours (Paused)");
  EXPECT_EQ(status({.status = Status::Exited, .exit_code = 137, .finished = kNow - 3 * kSecond}),
            "Exited (137) 3 seconds ago");
  EXPECT_EQ(status({.status = Status::Restarting, .exit_code = 1, .finished = kNow}),
            "Restarting (1) Less than a second ago");
  EXPECT_EQ(status({.status = Status::Removing}), "Removal In Progress");
}

TEST(StatusText, has_the_health_of_what_runs) {
  engine::ContainerState state{.status = Status::Running, .started = kNow - kSecond};
  const auto with = [&](engine::HealthStatus health) {
    state.health = std::make_shared<engine::Health>(engine::Health{.status = health});
    return status(state);
  };
  EXPECT_EQ(with(engine::HealthStatus::Starting), "Up 1 second (health: starting)");
  EXPECT_EQ(with(engine::HealthStatus::Healthy), "Up 1 second (healthy)");
  EXPECT_EQ(with(engine::HealthStatus::Unhealthy), "Up 1 second (unhealthy)");
}

TEST(CommandText, quotes_arguments_with_spaces) {
  EXPECT_EQ(command_text({"/bin/sh", "-c", "echo a b"}), "/bin/sh -c 'echo a b'");
  EXPECT_EQ(command_text({"true"}), "true");
  EXPECT_EQ(command_text({}), "");
}

TEST(TimeText, writes_never_as_go_does) {
  EXPECT_EQ(time_text(0), "0001-01-01T00:00:00Z");
  EXPECT_EQ(time_text(kNow + 5), "2025-11-21T10:20:30.000000005Z");
}

TEST(Ports, are_listed_in_order_published_or_not) {
  const std::vector<PortSummary> ports = ports_of(record());
  ASSERT_EQ(ports.size(), 3U);
  EXPECT_EQ(ports[0], (PortSummary{.private_port = 53, .type = "udp"}));
  EXPECT_EQ(ports[1], (PortSummary{.ip = "0.0.0.0", .private_port = 80, .public_port = 8080, .type = "tcp"}));
  EXPECT_EQ(ports[2].ip, "::");
}

TEST(ContainerDetails, have_the_keys_that_clients_take_for_granted) {
  const ContainerDetails details = details_of(record(), {}, kNewestVersion);
  const std::string json = json::encode(details);
  EXPECT_NE(json.find(R"("Path":"/bin/sh","Args":["-c","echo a b"])"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("Name":"/web")"), std::string::npos);
  EXPECT_NE(json.find(R"("53/udp":null)"), std::string::npos);
  EXPECT_NE(json.find(R"("80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"})"), std::string::npos);
  EXPECT_NE(json.find(R"("IPAddress":"172.30.0.2","IPPrefixLen":0)"), std::string::npos);
  EXPECT_NE(json.find(R"("ExecIDs":null)"), std::string::npos);
  EXPECT_EQ(json.find(R"("SizeRw")"), std::string::npos);
}

TEST(ContainerDetails, have_the_mac_address_where_the_clients_version_looks_for_it) {
  EXPECT_EQ(details_of(record(), {}, {1, 43}).config.mac_address, "02:00:00:00:00:01");
  EXPECT_EQ(details_of(record(), {}, {1, 44}).config.mac_address, "");
}

TEST(ContainerSummary, shows_what_ps_shows) {
  const ContainerSummary summary = summary_of(record(), kNewestVersion, kNow);
  EXPECT_EQ(summary.names, std::vector<std::string>{"/web"});
  EXPECT_EQ(summary.command, "/bin/sh -c 'echo a b'");
  EXPECT_EQ(summary.created, kNow / kSecond);
  EXPECT_EQ(summary.state, "created");
}

}  // namespace
}  // namespace gantry::docker
