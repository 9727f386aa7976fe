// SPDX-License-Identifier: Apache-2.0
#include "engine/stats.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/lower_case.h"
#include "base/timestamp.h"
#include "kernel/cgroup_layout.h"

namespace gantry::engine {
namespace {

using json::Writer;

std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::string_view next_word(std::string_view& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  text.remove_prefix(begin == std::string_view::npos ? text.size() : begin);
  const std::size_t end = text.find_first_of(" \t");
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  return word;
}

std::uint64_t to_number(std::string_view word) {
  std::uint64_t number = 0;
  (void)std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

// /proc/stat (proc(5)): what all CPUs have worked and waited, and how many there are.
void read_host_cpu(std::string_view text, StatsSample& sample) {
  const auto ticks_a_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::string_view name = next_word(line);
    if (!name.starts_with("cpu")) break;
    if (name != "cpu") {
      ++sample.online_cpus;
      continue;
    }
    // user nice system idle iowait irq softirq; what guests use is in user already.
    for (int column = 0; column < 7; ++column)
      sample.system_cpu += to_number(next_word(line)) * (1'000'000'000 / ticks_a_second);
  }
}

std::uint64_t parse_total_memory(std::string_view meminfo) {
  while (!meminfo.empty()) {
    std::string_view line = next_line(meminfo);
    if (next_word(line) == "MemTotal:") return to_number(next_word(line)) * 1024;
  }
  return 0;
}

// ---- JSON, in the order of the API's definitions

constexpr const char* kNever = "0001-01-01T00:00:00Z";  // Go's zero time

std::string time_text(const StatsSample* sample) {
  if (sample == nullptr) return kNever;
  return format_timestamp({.tv_sec = sample->time / 1'000'000'000, .tv_nsec = sample->time % 1'000'000'000});
}

void write_block_entries(Writer& w, const char* key, const std::vector<kernel::BlockIoEntry>& entries) {
  w.key(key);
  if (entries.empty()) {
    w.null();
    return;
  }
  w.begin_array();
  for (const kernel::BlockIoEntry& entry : entries) {
    w.begin_object().key("major").value(entry.major).key("minor").value(entry.minor);
    w.key("op").value(in_lower_case(entry.operation)).key("value").value(entry.value).end_object();
  }
  w.end_array();
}

void write_block_io(Writer& w, const kernel::BlockIoStats& stats) {
  w.begin_object();
  write_block_entries(w, "io_service_bytes_recursive", stats.service_bytes);
  write_block_entries(w, "io_serviced_recursive", stats.serviced);
  write_block_entries(w, "io_queue_recursive", stats.queued);
  write_block_entries(w, "io_service_time_recursive", stats.service_time);
  write_block_entries(w, "io_wait_time_recursive", stats.wait_time);
  write_block_entries(w, "io_merged_recursive", stats.merged);
  write_block_entries(w, "io_time_recursive", stats.time);
  write_block_entries(w, "sectors_recursive", stats.sectors);
  w.end_object();
}

void write_cpu(Writer& w, const StatsSample* sample) {
  static const StatsSample kNothing;
  const StatsSample& s = sample == nullptr ? kNothing : *sample;
  const kernel::CpuStats& cpu = s.cgroup.cpu;
  w.begin_object().key("cpu_usage").begin_object().key("total_usage").value(cpu.total);
  if (!cpu.per_cpu.empty()) {
    w.key("percpu_usage").begin_array();
    for (const std::uint64_t one : cpu.per_cpu) w.value(one);
    w.end_array();
  }
  w.key("usage_in_kernelmode").value(cpu.kernel).key("usage_in_usermode").value(cpu.user).end_object();
  if (s.system_cpu != 0) w.key("system_cpu_usage").value(s.system_cpu);
  if (s.online_cpus != 0) w.key("online_cpus").value(s.online_cpus);
  w.key("throttling_data").begin_object().key("periods").value(cpu.periods);
  w.key("throttled_periods").value(cpu.throttled_periods).key("throttled_time").value(cpu.throttled_time);
  w.end_object().end_object();
}

void write_memory(Writer& w, const StatsSample* sample) {
  w.begin_object();
  if (sample != nullptr) {
    const kernel::MemoryStats& memory = sample->cgroup.memory;
    w.key("usage").value(memory.memory.usage);
    if (sample->has_v1_memory) w.key("max_usage").value(memory.memory.max_usage);
    w.key("stats").begin_object();
    for (const auto& [key, value] : memory.raw) w.key(key).value(value);
    w.end_object();
    if (sample->has_v1_memory) w.key("failcnt").value(memory.memory.fail_count);
    w.key("limit").value(memory.memory.limit == 0 ? sample->host_memory
                                                  : std::min(memory.memory.limit, sample->host_memory));
  }
  w.end_object();
}

void write_interfaces(Writer& w, const std::vector<InterfaceStats>& interfaces) {
  w.key("networks").begin_object();
  for (const InterfaceStats& one : interfaces) {
    w.key(one.name).begin_object();
    w.key("rx_bytes").value(one.rx_bytes).key("rx_packets").value(one.rx_packets);
    w.key("rx_errors").value(one.rx_errors).key("rx_dropped").value(one.rx_dropped);
    w.key("tx_bytes").value(one.tx_bytes).key("tx_packets").value(one.tx_packets);
    w.key("tx_errors").value(one.tx_errors).key("tx_dropped").value(one.tx_dropped);
    w.end_object();
  }
  w.end_object();
}

}  // namespace

// "Inter-|   Receive ..." and the names of columns take two lines, then "  eth0: 1296 16 0 0 ..." for each.
std::vector<InterfaceStats> parse_net_dev(std::string_view text) {
  std::vector<InterfaceStats> interfaces;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view name = line.substr(0, colon);
    name = next_word(name);
    if (name.empty() || name == "lo") continue;
    line.remove_prefix(colon + 1);
    std::array<std::uint64_t, 16> columns{};
    for (std::uint64_t& column : columns) column = to_number(next_word(line));
    interfaces.push_back({.name = std::string(name),
                          .rx_bytes = columns[0],
                          .rx_packets = columns[1],
                          .rx_errors = columns[2],
                          .rx_dropped = columns[3],
                          .tx_bytes = columns[8],
                          .tx_packets = columns[9],
                          .tx_errors = columns[10],
                          .tx_dropped = columns[11]});
  }
  return interfaces;
}

Result<StatsSource> StatsSource::open(const std::string& cgroup_path, pid_t pid, const std::string& root) {
  const kernel::CgroupLayout layout = TRY(kernel::CgroupLayout::read(root));
  std::vector<kernel::CgroupPlace> places;
  for (const kernel::Hierarchy& hierarchy : layout.hierarchies) {
    std::string path = hierarchy.mount + cgroup_path;
    if (::access(path.c_str(), F_OK) == 0) places.push_back({.key = hierarchy.key, .path = std::move(path)});
  }
  if (places.empty()) return error(Code::NotFound, "there is no control group '{}'", cgroup_path);
  return StatsSource(TRY(kernel::Cgroup::open(std::move(places))), pid, root);
}

Result<StatsSample> StatsSource::read() {
  StatsSample sample{.time = wall_clock_ns()};
  sample.cgroup = TRY(kernel::read_stats(cgroup_));
  sample.has_v1_memory = cgroup_.version_of(kernel::Controller::Memory) == kernel::CgroupVersion::V1;
  read_host_cpu(TRY(read_file(root_ + "/proc/stat")), sample);
  sample.host_memory = parse_total_memory(TRY(read_file(root_ + "/proc/meminfo")));
  if (pid_ > 0)
    sample.interfaces = parse_net_dev(TRY(read_file(fmt::format("{}/proc/{}/net/dev", root_, pid_))));
  return sample;
}

std::string stats_json(const StatsLine& line) {
  Writer w;
  w.begin_object().key("name").value(line.name).key("id").value(line.id).key("os_type").value("linux");
  w.key("read").value(time_text(line.now)).key("preread").value(time_text(line.before));
  w.key("num_procs").value(0).key("storage_stats").begin_object().end_object();
  w.key("pids_stats").begin_object();
  if (line.now != nullptr) {
    w.key("current").value(line.now->cgroup.pids.current);
    if (line.now->cgroup.pids.limit != 0) w.key("limit").value(line.now->cgroup.pids.limit);
  }
  w.end_object();
  w.key("blkio_stats");
  write_block_io(w, line.now != nullptr ? line.now->cgroup.block_io : kernel::BlockIoStats{});
  w.key("cpu_stats");
  write_cpu(w, line.now);
  w.key("precpu_stats");
  write_cpu(w, line.before);
  w.key("memory_stats");
  write_memory(w, line.now);
  if (line.now != nullptr && !line.now->interfaces.empty()) write_interfaces(w, line.now->interfaces);
  w.end_object();
  return std::move(w).text();
}

}  // namespace gantry::engine
