// SPDX-License-Identifier: Apache-2.0
//
// kill, delete, pause, resume, update.
#include <unistd.h>

#include "base/file.h"
#include "base/signals.h"
#include "runtime/cli/command.h"
#include "runtime/container.h"
#include "runtime/lifecycle.h"

namespace gantry::runtime::cli {
namespace {

// The limits of `update`, each a field of linux.resources.
struct UpdateArguments {
  std::string resources_file;
  std::optional<std::int64_t> blkio_weight, cpu_period, cpu_quota, cpu_burst, cpu_shares, cpu_rt_period,
      cpu_rt_runtime, cpu_idle, pids_limit;
  std::string cpus, mems;
  std::string memory, memory_reservation, memory_swap;  // with a unit: "256m", or "-1"
  std::string l3_cache_schema, mem_bw_schema;

  std::vector<Option> table() {
    return {{'r', "resources", "FILE", &resources_file, "linux.resources as JSON; '-' is standard input"},
            {0, "blkio-weight", "N", &blkio_weight, "Block I/O weight, 10 to 1000"},
            {0, "cpu-period", "US", &cpu_period, "CFS period in microseconds"},
            {0, "cpu-quota", "US", &cpu_quota, "CFS quota in microseconds a period"},
            {0, "cpu-burst", "US", &cpu_burst, "CFS burst in microseconds"},
            {0, "cpu-share", "N", &cpu_shares, "CPU shares"},
            {0, "cpu-rt-period", "US", &cpu_rt_period, "Realtime period in microseconds"},
            {0, "cpu-rt-runtime", "US", &cpu_rt_runtime, "Realtime runtime in microseconds a period"},
            {0, "cpu-idle", "N", &cpu_idle, "1: only when nothing else wants to run"},
            {0, "cpuset-cpus", "LIST", &cpus, "CPUs to run on"},
            {0, "cpuset-mems", "LIST", &mems, "Memory nodes to use"},
            {0, "memory", "BYTES", &memory, "Memory limit"},
            {0, "memory-reservation", "BYTES", &memory_reservation, "Memory kept under pressure"},
            {0, "memory-swap", "BYTES", &memory_swap, "Limit of memory and swap together; -1: none"},
            {0, "pids-limit", "N", &pids_limit, "Most processes"},
            {0, "l3-cache-schema", "TEXT", &l3_cache_schema, "Intel RDT, not supported"},
            {0, "mem-bw-schema", "TEXT", &mem_bw_schema, "Intel RDT, not supported"}};
  }
};

// "1024", "64k", "2g", "-1"; units are powers of 1024.
Result<std::int64_t> parse_bytes(std::string_view option, const std::string& text) {
  constexpr std::string_view kUnits = "kmgtp";
  char* end = nullptr;
  errno = 0;
  const long long number = std::strtoll(text.c_str(), &end, 10);
  std::string unit = end;
  if (end == text.c_str() || errno != 0)
    return error(Code::InvalidArgument, "--{}: '{}' is not a size", option, text);
  if (unit.ends_with('b') || unit.ends_with('B')) unit.pop_back();
  if (unit.empty()) return number;
  const std::size_t power = kUnits.find(static_cast<char>(unit[0] | 0x20));
  std::int64_t bytes = 0;
  if (unit.size() != 1 || power == std::string_view::npos ||
      __builtin_mul_overflow(number, std::int64_t{1} << (10 * (power + 1)), &bytes))
    return error(Code::InvalidArgument, "--{}: '{}' is not a size", option, text);
  return bytes;
}

template <class T>
void set_if(std::optional<T>& field, const std::optional<std::int64_t>& value) {
  if (value) field = static_cast<T>(*value);
}

Result<void> set_bytes(std::optional<std::int64_t>& field, std::string_view option, const std::string& text) {
  if (!text.empty()) field = TRY(parse_bytes(option, text));
  return {};
}

Result<oci::Resources> resources_of(const UpdateArguments& arguments) {
  if (!arguments.l3_cache_schema.empty() || !arguments.mem_bw_schema.empty())
    return error(Code::Unsupported, "update: Intel RDT is not supported");
  if (arguments.resources_file == "-") return oci::parse_resources(TRY(read_all(0, "standard input")));
  if (!arguments.resources_file.empty())
    return oci::parse_resources(TRY(read_file(arguments.resources_file)));

  oci::Resources resources;
  oci::CpuResources& cpu = resources.cpu.emplace();
  set_if(cpu.period, arguments.cpu_period);
  set_if(cpu.quota, arguments.cpu_quota);
  set_if(cpu.burst, arguments.cpu_burst);
  set_if(cpu.shares, arguments.cpu_shares);
  set_if(cpu.realtime_period, arguments.cpu_rt_period);
  set_if(cpu.realtime_runtime, arguments.cpu_rt_runtime);
  set_if(cpu.idle, arguments.cpu_idle);
  cpu.cpus = arguments.cpus;
  cpu.mems = arguments.mems;
  oci::MemoryResources& memory = resources.memory.emplace();
  TRY(set_bytes(memory.limit, "memory", arguments.memory));
  TRY(set_bytes(memory.reservation, "memory-reservation", arguments.memory_reservation));
  TRY(set_bytes(memory.swap, "memory-swap", arguments.memory_swap));
  if (arguments.pids_limit) resources.pids.emplace().limit = *arguments.pids_limit;
  if (arguments.blkio_weight) set_if(resources.block_io.emplace().weight, arguments.blkio_weight);
  TRY(oci::validate(resources));
  return resources;
}

}  // namespace

Result<int> kill(const Globals& globals, const Arguments& words) {
  bool all = false;
  const Option options[] = {{'a', "all", "", &all, "Every process of the container"}};
  const auto operands = TRY(parse({"kill", 1, 2}, options, words));
  const int signal = TRY(parse_signal(operands.size() > 1 ? operands[1] : "TERM"));
  TRY(kill_container(TRY(Container::open(globals.root, operands[0])), signal, all));
  return 0;
}

Result<int> remove(const Globals& globals, const Arguments& words) {
  bool force = false;
  const Option options[] = {{'f', "force", "", &force, "End it if it runs; succeed if there is none"}};
  const auto operands = TRY(parse({"delete", 1, 1}, options, words));
  TRY(delete_container(globals.root, operands[0], force, globals.log));
  return 0;
}

Result<int> pause(const Globals& globals, const Arguments& words) {
  const auto operands = TRY(parse({"pause", 1, 1}, {}, words));
  TRY(pause_container(TRY(Container::open(globals.root, operands[0]))));
  return 0;
}

Result<int> resume(const Globals& globals, const Arguments& words) {
  const auto operands = TRY(parse({"resume", 1, 1}, {}, words));
  TRY(resume_container(TRY(Container::open(globals.root, operands[0]))));
  return 0;
}

Result<int> update(const Globals& globals, const Arguments& words) {
  UpdateArguments arguments;
  const auto operands = TRY(parse({"update", 1, 1}, arguments.table(), words));
  const Container container = TRY(Container::open(globals.root, operands[0]));
  const oci::Resources resources = TRY(resources_of(arguments));
  TRY(update_container(container, resources, globals.log));
  return 0;
}

}  // namespace gantry::runtime::cli
