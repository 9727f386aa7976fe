// SPDX-License-Identifier: Apache-2.0
#include "container/check.h"

#include <gtest/gtest.h>

#include <functional>

#include "container/resources.h"
#include "testing/must.h"

namespace gantry::container {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

const HostFacts& host_of_four() {
  static const HostFacts facts{.cpus = 4, .online_cpus = {0, 1, 2, 3}};
  return facts;
}

std::string refusal(const std::function<void(Config&, HostConfig&)>& change) {
  Config config;
  HostConfig host;
  change(config, host);
  const auto checked = check_settings(config, host, host_of_four());
  return checked ? "" : checked.error().message();
}

std::string host_refusal(const std::function<void(HostConfig&)>& change) {
  return refusal([&](Config&, HostConfig& host) { change(host); });
}

Warnings warnings(const std::function<void(HostConfig&)>& change, HostFacts facts = host_of_four()) {
  HostConfig host;
  change(host);
  return MUST(check_settings({}, host, facts));
}

TEST(Check, finds_nothing_in_settings_that_say_nothing) {
  EXPECT_EQ(warnings([](HostConfig&) {}), Warnings{});
}

TEST(Check, refuses_limits_in_Dockers_words) {
  EXPECT_EQ(host_refusal([](HostConfig& h) { h.memory = kMiB; }), "Minimum memory limit allowed is 6MB");
  EXPECT_EQ(host_refusal([](HostConfig& h) { h.memory_swap = 64 * kMiB; }),
            "You should always set the Memory limit when using Memoryswap limit, see usage");
  EXPECT_EQ(host_refusal([](HostConfig& h) {
              h.memory = 64 * kMiB;
              h.memory_swap = 32 * kMiB;
            }),
            "Minimum memoryswap limit should be larger than memory limit, see usage");
  EXPECT_EQ(host_refusal([](HostConfig& h) { h.nano_cpus = 5'000'000'000; }),
            "range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available");
  EXPECT_EQ(host_refusal([](HostConfig& h) {
              h.nano_cpus = 1'000'000'000;
              h.cpu_quota = 5000;
            }),
            "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  EXPECT_EQ(host_refusal([](HostConfig& h) { h.cpuset_cpus = "0-9"; }),
            "Requested CPUs are not available - requested 0-9, available: 0-3");
  EXPECT_EQ(host_refusal([](HostConfig& h) { h.blkio_weight = 5; }),
            "Range of blkio weight is from 10 to 1000");
  EXPECT_EQ(host_refusal([](HostConfig& h) { h.oom_score_adj = 2000; }),
            "Invalid value 2000, range for oom score adj is [-1000, 1000]");
  EXPECT_EQ(host_refusal([](HostConfig& h) { h.ulimits = {{.name = "dreams"}}; }),
            "invalid ulimit type: dreams");
}

TEST(Check, refuses_what_a_config_cannot_mean) {
  EXPECT_EQ(refusal([](Config& c, HostConfig&) { c.working_dir = "srv"; }),
            "the working directory 'srv' is invalid, it needs to be an absolute path");
  EXPECT_EQ(refusal([](Config& c, HostConfig&) { c.env = {"=x"}; }), "invalid environment variable: =x");
  EXPECT_EQ(refusal([](Config& c, HostConfig&) { c.healthcheck = HealthConfig{.interval = 5}; }),
            "Interval in Healthcheck cannot be less than 1ms");
  EXPECT_NE(refusal([](Config& c, HostConfig&) { c.hostname = std::string(65, 'x'); }), "");
}

TEST(Check, refuses_modes_that_do_not_exist) {
  EXPECT_EQ(host_refusal([](HostConfig& h) { h.ipc_mode = "public"; }), "invalid IPC mode: public");
  EXPECT_EQ(host_refusal([](HostConfig& h) { h.pid_mode = "container:"; }), "invalid PID mode: container:");
  EXPECT_EQ(host_refusal([](HostConfig& h) { h.pid_mode = "container:web"; }), "");
}

TEST(Check, refuses_a_say_in_the_network_of_another) {
  EXPECT_EQ(host_refusal([](HostConfig& h) {
              h.network_mode = "container:x";
              h.port_bindings = {{"80/tcp", {}}};
            }),
            "conflicting options: port publishing and the container type network mode");
}

TEST(Check, names_every_field_that_has_no_effect) {
  struct Field {
    const char* name;
    std::function<void(HostConfig&)> give;
    bool is_refused;
  };
  const Field fields[] = {
      {"isolation", [](HostConfig& h) { h.isolation = "hyperv"; }, true},
      {"CpuCount", [](HostConfig& h) { h.cpu_count = 1; }, false},
      {"CpuPercent", [](HostConfig& h) { h.cpu_percent = 1; }, false},
      {"IOMaximumIOps", [](HostConfig& h) { h.io_maximum_iops = 1; }, true},
      {"IOMaximumBandwidth", [](HostConfig& h) { h.io_maximum_bandwidth = 1; }, true},
      {"KernelMemory", [](HostConfig& h) { h.kernel_memory = 1; }, false},
      {"KernelMemoryTCP", [](HostConfig& h) { h.kernel_memory_tcp = 1; }, false},
      {"Cgroup", [](HostConfig& h) { h.cgroup = "container:x"; }, true},
      {"StorageOpt", [](HostConfig& h) { h.storage_opt = {{"size", "1G"}}; }, true},
      {"DeviceRequests", [](HostConfig& h) { h.device_requests = {{.count = -1}}; }, true},
      {"SecurityOpt", [](HostConfig& h) { h.security_opt = {"label=type:x"}; }, false},
  };
  for (const Field& field : fields) {
    const std::string said = field.is_refused ? host_refusal(field.give) : warnings(field.give).at(0);
    EXPECT_NE(said.find(field.name), std::string::npos) << field.name << ": " << said;
  }
}

TEST(Check, takes_out_what_this_host_does_not_have_and_says_so) {
  HostConfig host;
  host.memory = 64 * kMiB;
  host.memory_swap = 128 * kMiB;
  host.memory_swappiness = 10;
  host.oom_kill_disable = true;
  HostFacts facts = host_of_four();
  facts.has_swap_limit = false;
  EXPECT_EQ(MUST(check_settings({}, host, facts)).size(), 3U);
  EXPECT_EQ(host.memory_swap, -1);
  EXPECT_FALSE(host.memory_swappiness);
  EXPECT_FALSE(host.oom_kill_disable);
}

TEST(Defaults, are_those_that_inspect_shows) {
  HostConfig host;
  host.memory = 64 * kMiB;
  apply_defaults({}, host, {}, host_of_four());
  EXPECT_EQ(host.network_mode, "bridge");
  EXPECT_EQ(host.ipc_mode, "private");
  EXPECT_EQ(host.cgroupns_mode, "private");
  EXPECT_EQ(host.restart_policy.name, "no");
  EXPECT_EQ(host.shm_size, 64 * kMiB);
  EXPECT_EQ(host.memory_swap, 128 * kMiB);
  EXPECT_EQ(host.log_config.type, "json-file");
  EXPECT_TRUE(host.masked_paths && host.readonly_paths);
}

TEST(Defaults, leave_what_is_given) {
  HostConfig host;
  host.memory = 64 * kMiB;
  host.memory_swap = -1;
  host.network_mode = "none";
  host.readonly_paths = std::vector<std::string>{};
  host.log_config = {.type = "none"};
  apply_defaults({}, host, {.log_options = {{"max-size", "1m"}}}, host_of_four());
  EXPECT_EQ(host.memory_swap, -1);
  EXPECT_EQ(host.network_mode, "none");
  EXPECT_TRUE(host.readonly_paths->empty());
  EXPECT_TRUE(host.log_config.config.empty());
}

TEST(Defaults, fill_up_the_options_of_their_own_log_driver) {
  HostConfig host;
  host.log_config = {.config = {{"labels", "tier"}, {"max-size", "5m"}}};
  apply_defaults({}, host, {.log_options = {{"max-size", "1m"}, {"max-file", "2"}}}, host_of_four());
  EXPECT_EQ(host.log_config.type, "json-file");
  EXPECT_EQ(host.log_config.config, (StringMap{{"labels", "tier"}, {"max-file", "2"}, {"max-size", "5m"}}));
}

TEST(Defaults, know_of_a_network_that_was_disabled_and_of_cgroup_v1) {
  HostConfig host;
  HostFacts facts;
  facts.has_cgroup_v2 = false;
  apply_defaults({.network_disabled = true}, host, {}, facts);
  EXPECT_EQ(host.network_mode, "none");
  EXPECT_EQ(host.cgroupns_mode, "host");
}

TEST(Update, changes_what_is_given_and_names_what_it_cannot_change) {
  Resources current{.memory = 64 * kMiB, .memory_swap = 128 * kMiB, .pids_limit = 5};
  const Warnings said = MUST(update_resources(
      current, {.cpu_shares = 512, .memory = 32 * kMiB, .ulimits = {{.name = "core"}}}, host_of_four()));
  EXPECT_EQ(current.memory, 32 * kMiB);
  EXPECT_EQ(current.cpu_shares, 512);
  EXPECT_EQ(current.pids_limit, 5);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("Ulimits"), std::string::npos);
}

TEST(Update, refuses_what_does_not_fit_what_was_said_before) {
  Resources current{.memory = 64 * kMiB, .memory_swap = 128 * kMiB, .nano_cpus = 1'000'000'000};
  EXPECT_EQ(update_resources(current, {.memory = 256 * kMiB}, host_of_four()).error().code(), Code::Conflict);
  EXPECT_EQ(update_resources(current, {.cpu_quota = 5000}, host_of_four()).error().message(),
            "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set");
  EXPECT_EQ(current.memory, 64 * kMiB);
}

TEST(HostFacts, of_this_host_can_be_read) {
  const auto facts = HostFacts::read();
  ASSERT_TRUE(facts);
  EXPECT_GE(facts->cpus, 1U);
}

TEST(Limits, are_what_was_given_and_nothing_else) {
  const oci::Resources none = MUST(resources_of({}));
  EXPECT_FALSE(none.memory || none.cpu || none.pids || none.block_io);
  const oci::Resources some = MUST(
      resources_of({.memory = 64 * kMiB, .memory_swap = -1, .nano_cpus = 1'500'000'000, .pids_limit = 0}));
  EXPECT_EQ(some.memory->limit, 64 * kMiB);
  EXPECT_EQ(some.memory->swap, -1);
  EXPECT_EQ(some.cpu->quota, 150'000);
  EXPECT_EQ(some.cpu->period, 100'000U);
  EXPECT_EQ(some.pids->limit, -1);
}

TEST(Limits, on_devices_name_what_is_no_block_device) {
  EXPECT_EQ(resources_of({.blkio_device_read_bps = {{.path = "/dev/null", .rate = 1}}}).error().message(),
            "BlkioDeviceReadBps: '/dev/null' is not a block device");
}

TEST(Ulimits, take_the_daemons_where_they_have_none) {
  const auto rlimits =
      MUST(rlimits_of({{.name = "nofile", .soft = 10, .hard = 20}},
                      {{.name = "nofile", .soft = 1, .hard = 2}, {.name = "core", .soft = -1, .hard = -1}}));
  ASSERT_EQ(rlimits.size(), 2U);
  EXPECT_EQ(rlimits[0].type, "RLIMIT_NOFILE");
  EXPECT_EQ(rlimits[0].hard, 20U);
  EXPECT_EQ(rlimits[1].soft, ~std::uint64_t{0});
  EXPECT_FALSE(rlimits_of({{.name = "nofile", .soft = 20, .hard = 10}}, {}));
}

}  // namespace
}  // namespace gantry::container
