// SPDX-License-Identifier: Apache-2.0
//
// gantry stats: what containers use, once or again and again.
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/json_codec.h"
#include "cli/docker/container_summary.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/listing.h"
#include "cli/docker/terminal.h"
#include "cli/docker/verbs.h"
#include "cli/user_config.h"

namespace gantry::cli::docker {
namespace {

struct StatsOptions {
  bool all = false, no_stream = false, no_trunc = false;
  std::string format;

  std::vector<Option> table() {
    return {{'a', "all", "", &all, "Those that do not run, too"},
            {0, "format", "FORMAT", &format, "table, json, or a template: '{{.Name}} {{.CPUPerc}}'"},
            {0, "no-stream", "", &no_stream, "Only once"},
            {0, "no-trunc", "", &no_trunc, "Show all of each column"}};
  }
};

// ---- The daemon's answer, as far as it is shown

struct CpuUsage {
  std::uint64_t total_usage = 0;  // nanoseconds
};
void fields(json::Fields& f, CpuUsage& usage) { f("total_usage", usage.total_usage); }

struct Cpu {
  CpuUsage cpu_usage;
  std::uint64_t system_cpu_usage = 0;  // nanoseconds, of all CPUs
  std::uint32_t online_cpus = 0;
};
void fields(json::Fields& f, Cpu& cpu) {
  f("cpu_usage", cpu.cpu_usage);
  f("system_cpu_usage", cpu.system_cpu_usage);
  f("online_cpus", cpu.online_cpus);
}

struct Memory {
  std::uint64_t usage = 0, limit = 0;  // bytes
  std::map<std::string, std::uint64_t> stats;
};
void fields(json::Fields& f, Memory& memory) {
  f("usage", memory.usage);
  f("limit", memory.limit);
  f("stats", memory.stats);
}

struct Interface {
  std::uint64_t rx_bytes = 0, tx_bytes = 0;
};
void fields(json::Fields& f, Interface& interface) {
  f("rx_bytes", interface.rx_bytes);
  f("tx_bytes", interface.tx_bytes);
}

struct Io {
  std::string op;
  std::uint64_t value = 0;  // bytes
};
void fields(json::Fields& f, Io& io) {
  f("op", io.op);
  f("value", io.value);
}

struct Block {
  std::vector<Io> io_service_bytes_recursive;
};
void fields(json::Fields& f, Block& block) {
  f("io_service_bytes_recursive", block.io_service_bytes_recursive);
}

struct Pids {
  std::uint64_t current = 0;
};
void fields(json::Fields& f, Pids& pids) { f("current", pids.current); }

struct Stats {
  std::string id, name;
  Cpu cpu_stats, precpu_stats;
  Memory memory_stats;
  std::map<std::string, Interface> networks;
  Block blkio_stats;
  Pids pids_stats;
};
void fields(json::Fields& f, Stats& stats) {
  f("id", stats.id);
  f("name", stats.name);
  f("cpu_stats", stats.cpu_stats);
  f("precpu_stats", stats.precpu_stats);
  f("memory_stats", stats.memory_stats);
  f("networks", stats.networks);
  f("blkio_stats", stats.blkio_stats);
  f("pids_stats", stats.pids_stats);
}

// ---- Columns

constexpr Listing::Column kColumns[] = {
    {"ID", "CONTAINER ID"},
    {"Name", "NAME"},
    {"CPUPerc", "CPU %"},
    {"MemUsage", "MEM USAGE / LIMIT"},
    {"MemPerc", "MEM %"},
    {"NetIO", "NET I/O"},
    {"BlockIO", "BLOCK I/O"},
    {"PIDs", "PIDS"},
    {"Container", "CONTAINER", false},
};

// Decimal for traffic, binary for memory, as docker has it; up to four digits.
std::string amount(std::uint64_t bytes, unsigned base, std::span<const char* const> units) {
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= base && unit + 1 < units.size()) {
    value /= base;
    ++unit;
  }
  return fmt::format("{:.4g}{}", value, units[unit]);
}
std::string binary(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  return amount(bytes, 1024, kUnits);
}
std::string decimal(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  return amount(bytes, 1000, kUnits);
}

// Of one CPU: 200 are two of them.
double cpu_percent(const Stats& stats) {
  const auto used = static_cast<double>(stats.cpu_stats.cpu_usage.total_usage) -
                    static_cast<double>(stats.precpu_stats.cpu_usage.total_usage);
  const auto passed = static_cast<double>(stats.cpu_stats.system_cpu_usage) -
                      static_cast<double>(stats.precpu_stats.system_cpu_usage);
  return used > 0 && passed > 0 ? used / passed * stats.cpu_stats.online_cpus * 100 : 0;
}

// Without what the kernel can take back at once.
std::uint64_t memory_used(const Memory& memory) {
  for (const char* cache : {"total_inactive_file", "inactive_file"})
    if (const auto found = memory.stats.find(cache);
        found != memory.stats.end() && found->second < memory.usage)
      return memory.usage - found->second;
  return memory.usage;
}

Listing::Row row_of(const Stats& stats, const std::string& asked, bool whole) {
  std::uint64_t received = 0, sent = 0, read = 0, written = 0;
  for (const auto& [name, interface] : stats.networks) {
    received += interface.rx_bytes;
    sent += interface.tx_bytes;
  }
  for (const Io& io : stats.blkio_stats.io_service_bytes_recursive) {
    const bool is_read = io.op == "read" || io.op == "Read";
    const bool is_write = io.op == "write" || io.op == "Write";
    if (is_read) read += io.value;
    if (is_write) written += io.value;
  }
  const std::uint64_t used = memory_used(stats.memory_stats), limit = stats.memory_stats.limit;
  const double percent = limit == 0 ? 0 : static_cast<double>(used) / static_cast<double>(limit) * 100;
  std::string_view name = stats.name;
  if (name.starts_with('/')) name.remove_prefix(1);
  return {.cells = {short_id(stats.id, whole), std::string(name), fmt::format("{:.2f}%", cpu_percent(stats)),
                    fmt::format("{} / {}", binary(used), binary(limit)), fmt::format("{:.2f}%", percent),
                    fmt::format("{} / {}", decimal(received), decimal(sent)),
                    fmt::format("{} / {}", decimal(read), decimal(written)),
                    std::to_string(stats.pids_stats.current), asked},
          .labels = {}};
}

Result<Words> names_to_show(EngineClient& engine, const StatsOptions& options, const Words& names) {
  if (!names.empty()) return names;
  Words ids;
  for (const ContainerSummary& container : TRY(list_containers(engine, {{"all", options.all ? "1" : ""}})))
    ids.push_back(container.id);
  return ids;
}

Result<std::string> table_of(EngineClient& engine, const StatsOptions& options, const Words& names) {
  Listing listing(kColumns);
  for (const std::string& name : TRY(names_to_show(engine, options, names))) {
    const auto answer = engine.get("/containers/" + path_part(name) + "/stats", {{"stream", "0"}});
    // Of all that run, one may have been removed meanwhile.
    if (!answer && names.empty() && answer.error().code() == Code::NotFound) continue;
    if (!answer) return error(answer.error().code(), "{}", answer.error().message());
    listing.add(row_of(TRY(json::decode<Stats>(answer->root())), name, options.no_trunc));
  }
  return listing.text(options.format);
}

Result<int> stats(Context& context, const StatsOptions& given, const Words& names) {
  StatsOptions options = given;
  options.format = or_configured(given.format, user_config().stats_format);
  EngineClient engine = TRY(EngineClient::of(context));
  const bool redraws = is_terminal(STDOUT_FILENO) && !options.no_stream;
  for (;;) {
    const std::string text = TRY(table_of(engine, options, names));
    TRY(print(redraws ? "\x1b[H\x1b[2J" + text : text));
    if (options.no_stream) return 0;
    // The daemon takes a second for each container, between its two looks; without any there is a pause.
    if (TRY(names_to_show(engine, options, names)).empty())
      std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace

const Verb kStats = make_verb<StatsOptions, stats>(
    "stats", "[CONTAINER...]", {0, kAny}, "Show what containers use of CPU, memory, network and disks");

}  // namespace gantry::cli::docker
