// SPDX-License-Identifier: Apache-2.0
//
// gantry update.
#include <unistd.h>

#include "base/file.h"
#include "cli/docker/container_options.h"
#include "cli/docker/each.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/values.h"
#include "cli/docker/verbs.h"

namespace gantry::cli::docker {
namespace {

struct UpdateOptions {
  using Number = std::optional<std::int64_t>;
  Number blkio_weight, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime, cpu_shares, pids_limit;
  std::string cpus, cpuset_cpus, cpuset_mems, memory, memory_reservation, memory_swap, restart;

  bool operator==(const UpdateOptions&) const = default;

  std::vector<Option> table() {
    return {{0, "blkio-weight", "NUMBER", &blkio_weight, "Share of block devices' time: 10 to 1000"},
            {0, "cpu-period", "MICROSECONDS", &cpu_period, "Period of the CPU quota"},
            {0, "cpu-quota", "MICROSECONDS", &cpu_quota, "CPU time in each period"},
            {0, "cpu-rt-period", "MICROSECONDS", &cpu_rt_period, "Period of the real-time quota"},
            {0, "cpu-rt-runtime", "MICROSECONDS", &cpu_rt_runtime, "Real-time CPU time in each period"},
            {'c', "cpu-shares", "NUMBER", &cpu_shares, "Share of the CPU against other containers"},
            {0, "cpus", "NUMBER", &cpus, "How many CPUs' time it may use: 1.5", is_cpus},
            {0, "cpuset-cpus", "LIST", &cpuset_cpus, "The CPUs it may run on: 0-3,7"},
            {0, "cpuset-mems", "LIST", &cpuset_mems, "The memory nodes it may use"},
            {'m', "memory", "SIZE", &memory, "Limit of its memory: 512m", is_size},
            {0, "memory-reservation", "SIZE", &memory_reservation, "Memory it keeps when others need some",
             is_size},
            {0, "memory-swap", "SIZE", &memory_swap,
             "Limit of memory and swap together; -1: no limit of swap", is_size},
            {0, "pids-limit", "NUMBER", &pids_limit, "Limit of its processes and threads; -1: none"},
            {0, "restart", "POLICY", &restart, "When to start it again"}};
  }
};

struct UpdateBody {
  container::Resources resources;
  container::RestartPolicy restart_policy;
};
void fields(json::Fields& f, UpdateBody& body) {
  fields(f, body.resources);
  f("RestartPolicy", body.restart_policy);
}

Result<UpdateBody> body_of(const UpdateOptions& options) {
  UpdateBody body;
  container::Resources& limits = body.resources;
  limits.blkio_weight = static_cast<std::uint16_t>(options.blkio_weight.value_or(0));
  limits.cpu_period = options.cpu_period.value_or(0);
  limits.cpu_quota = options.cpu_quota.value_or(0);
  limits.cpu_realtime_period = options.cpu_rt_period.value_or(0);
  limits.cpu_realtime_runtime = options.cpu_rt_runtime.value_or(0);
  limits.cpu_shares = options.cpu_shares.value_or(0);
  limits.pids_limit = options.pids_limit;
  limits.nano_cpus = TRY(nano_cpus_option("cpus", options.cpus));
  limits.cpuset_cpus = options.cpuset_cpus;
  limits.cpuset_mems = options.cpuset_mems;
  limits.memory = TRY(bytes_option("memory", options.memory));
  limits.memory_reservation = TRY(bytes_option("memory-reservation", options.memory_reservation));
  limits.memory_swap = TRY(bytes_option("memory-swap", options.memory_swap));
  if (!options.restart.empty()) body.restart_policy = TRY(parse_restart_policy(options.restart));
  return body;
}

Result<int> update(Context& context, const UpdateOptions& options, const Words& names) {
  if (options == UpdateOptions{})
    return error(Code::InvalidArgument, "say by an option what is to change: --memory, --restart ...");
  const std::string body = json::encode(TRY(body_of(options)));
  EngineClient engine = TRY(EngineClient::of(context));
  return for_each_name(names, [&](const std::string& name) -> Result<std::string> {
    const json::Document answer = TRY(engine.post_json("/containers/" + path_part(name) + "/update", body));
    if (const auto warnings = answer.root().find("Warnings"))
      for (std::size_t i = 0; i < warnings->size(); ++i)
        TRY(write_all(STDERR_FILENO, fmt::format("WARNING: {}\n", warnings->at(i).as_string()),
                      "standard error"));
    return name;
  });
}

}  // namespace

const Verb kUpdate = make_verb<UpdateOptions, update>("update", "CONTAINER [CONTAINER...]", {1, kAny},
                                                      "Change limits and restart policy of containers");

}  // namespace gantry::cli::docker
