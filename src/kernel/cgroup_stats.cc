// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroup_stats.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/number_list.h"

namespace gantry::kernel {
namespace {

std::string_view next_word(std::string_view& text, std::string_view separators) {
  const std::size_t begin = text.find_first_not_of(separators);
  text.remove_prefix(begin == std::string_view::npos ? text.size() : begin);
  const std::size_t end = text.find_first_of(separators);
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  return word;
}

std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// "max" is kNoLimit; what is no number is 0.
std::uint64_t to_number(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  if (text == "max") return kNoLimit;
  std::uint64_t value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Reads files of one group; one that is not there is empty.
class Reader {
 public:
  explicit Reader(Cgroup& cgroup) : cgroup_(cgroup) {}

  bool has(Controller controller) { return cgroup_.place_of(controller) != nullptr; }
  bool is_v1(Controller controller) { return cgroup_.version_of(controller) == CgroupVersion::V1; }
  bool has_v2() { return cgroup_.v2_place() != nullptr; }

  Result<std::string> text(Controller controller, const char* file) {
    return or_empty(cgroup_.read(controller, file));
  }
  Result<std::string> text_v2(const char* file) { return or_empty(cgroup_.read_v2(file)); }
  Result<std::uint64_t> number(Controller controller, const char* file) {
    return to_number(TRY(text(controller, file)));
  }

  Result<std::optional<Pressure>> pressure(const char* file) {
    const std::string content = TRY(text_v2(file));
    if (content.empty()) return std::optional<Pressure>();
    Pressure pressure;
    for (std::string_view rest = content; !rest.empty();) {
      std::string_view line = next_line(rest);
      const std::string_view kind = next_word(line, " ");
      Pressure::Line& target = kind == "full" ? pressure.full : pressure.some;
      while (!line.empty()) {
        const std::string_view pair = next_word(line, " ");
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view key = pair.substr(0, equals), value = pair.substr(equals + 1);
        if (key == "total")
          target.total = to_number(value);
        else if (key == "avg10")
          target.average_10s = to_double(value);
        else if (key == "avg60")
          target.average_60s = to_double(value);
        else if (key == "avg300")
          target.average_300s = to_double(value);
      }
    }
    return std::optional<Pressure>(pressure);
  }

 private:
  static Result<std::string> or_empty(Result<std::string> text) {
    if (text) return text;
    // EOPNOTSUPP: pressure that was switched off at boot; ENODEV: the group was removed.
    const int why = text.error().errno_value();
    const bool is_absent = text.error().code() == Code::NotFound || why == EOPNOTSUPP || why == ENODEV;
    if (is_absent) return std::string();
    return text;
  }
  // "12.34". By hand: the library's reader of floating point numbers weighs more than this whole file.
  static double to_double(std::string_view text) {
    const std::size_t point = text.find('.');
    double value = static_cast<double>(to_number(text.substr(0, point)));
    if (point == std::string_view::npos) return value;
    const std::string_view fraction = text.substr(point + 1);
    double scale = 1;
    for (std::size_t i = 0; i < fraction.size(); ++i) scale *= 10;
    return value + static_cast<double>(to_number(fraction)) / scale;
  }

  Cgroup& cgroup_;
};

// Calls f(key, number) for each line "key number".
template <class F>
void each_pair(std::string_view text, F f) {
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::string_view key = next_word(line, " ");
    if (!key.empty()) f(key, to_number(next_word(line, " ")));
  }
}

Result<void> read_cpu(Reader& reader, CpuStats& cpu) {
  if (reader.is_v1(Controller::Cpuacct)) {
    cpu.total = TRY(reader.number(Controller::Cpuacct, "cpuacct.usage"));
    const auto tick = 1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    each_pair(TRY(reader.text(Controller::Cpuacct, "cpuacct.stat")),
              [&](std::string_view key, std::uint64_t n) {
                if (key == "user") cpu.user = n * tick;
                if (key == "system") cpu.kernel = n * tick;
              });
    const std::string per_cpu = TRY(reader.text(Controller::Cpuacct, "cpuacct.usage_percpu"));
    for (std::string_view rest = per_cpu; !rest.empty();)
      if (const auto word = next_word(rest, " \n"); !word.empty()) cpu.per_cpu.push_back(to_number(word));
    const std::string all = TRY(reader.text(Controller::Cpuacct, "cpuacct.usage_all"));
    std::string_view rest = all;
    (void)next_line(rest);  // "cpu user system"
    while (!rest.empty()) {
      std::string_view line = next_line(rest);
      (void)next_word(line, " ");
      cpu.per_cpu_user.push_back(to_number(next_word(line, " ")));
      cpu.per_cpu_kernel.push_back(to_number(next_word(line, " ")));
    }
  } else if (reader.has_v2()) {
    // Every v2 group counts its time, with or without the controller.
    each_pair(TRY(reader.text_v2("cpu.stat")), [&](std::string_view key, std::uint64_t n) {
      if (key == "usage_usec") cpu.total = n * 1000;
      if (key == "user_usec") cpu.user = n * 1000;
      if (key == "system_usec") cpu.kernel = n * 1000;
    });
  }
  each_pair(TRY(reader.text(Controller::Cpu, "cpu.stat")), [&](std::string_view key, std::uint64_t n) {
    if (key == "nr_periods") cpu.periods = n;
    if (key == "nr_throttled") cpu.throttled_periods = n;
    if (key == "throttled_time") cpu.throttled_time = n;         // v1
    if (key == "throttled_usec") cpu.throttled_time = n * 1000;  // v2
  });
  cpu.pressure = TRY(reader.pressure("cpu.pressure"));
  return {};
}

Result<void> read_cpuset(Reader& reader, CpusetStats& cpuset) {
  if (!reader.is_v1(Controller::Cpuset)) return {};
  const auto list = [&](const char* file) -> Result<std::vector<std::uint16_t>> {
    const std::string text = TRY(reader.text(Controller::Cpuset, file));
    return parse_number_list(text);
  };
  cpuset.cpus = TRY(list("cpuset.cpus"));
  cpuset.mems = TRY(list("cpuset.mems"));
  const struct {
    const char* file;
    std::uint64_t& value;
  } flags[] = {
      {"cpuset.cpu_exclusive", cpuset.cpu_exclusive},
      {"cpuset.mem_hardwall", cpuset.mem_hardwall},
      {"cpuset.mem_exclusive", cpuset.mem_exclusive},
      {"cpuset.memory_migrate", cpuset.memory_migrate},
      {"cpuset.memory_spread_page", cpuset.memory_spread_page},
      {"cpuset.memory_spread_slab", cpuset.memory_spread_slab},
      {"cpuset.memory_pressure", cpuset.memory_pressure},
      {"cpuset.sched_load_balance", cpuset.sched_load_balance},
  };
  for (const auto& flag : flags) flag.value = TRY(reader.number(Controller::Cpuset, flag.file));
  const std::string level = TRY(reader.text(Controller::Cpuset, "cpuset.sched_relax_domain_level"));
  cpuset.sched_relax_domain_level = std::atoll(level.c_str());  // -1: the system's default
  return {};
}

Result<MemoryUse> read_memory_v1(Reader& reader, const char* name) {
  const auto number = [&](const char* file) {
    return reader.number(Controller::Memory, fmt::format("memory{}.{}", name, file).c_str());
  };
  MemoryUse use;
  use.usage = TRY(number("usage_in_bytes"));
  use.max_usage = TRY(number("max_usage_in_bytes"));
  use.limit = TRY(number("limit_in_bytes"));
  use.fail_count = TRY(number("failcnt"));
  return use;
}

Result<void> read_memory(Reader& reader, MemoryStats& memory) {
  if (!reader.has(Controller::Memory)) return {};
  each_pair(TRY(reader.text(Controller::Memory, "memory.stat")),
            [&](std::string_view key, std::uint64_t n) { memory.raw.emplace(key, n); });
  const bool v1 = reader.is_v1(Controller::Memory);
  if (const auto cache = memory.raw.find(v1 ? "cache" : "file"); cache != memory.raw.end())
    memory.cache = cache->second;
  if (v1) {
    memory.memory = TRY(read_memory_v1(reader, ""));
    memory.swap = TRY(read_memory_v1(reader, ".memsw"));
    memory.kernel = TRY(read_memory_v1(reader, ".kmem"));
    memory.kernel_tcp = TRY(read_memory_v1(reader, ".kmem.tcp"));
    return {};
  }
  const auto read = [&](const char* file) { return reader.number(Controller::Memory, file); };
  memory.memory.usage = TRY(read("memory.current"));
  memory.memory.max_usage = TRY(read("memory.peak"));  // Linux 5.19
  memory.memory.limit = TRY(read("memory.max"));
  each_pair(TRY(reader.text(Controller::Memory, "memory.events")),
            [&](std::string_view key, std::uint64_t n) {
              if (key == "max") memory.memory.fail_count = n;
            });
  const std::string swap_limit = TRY(reader.text(Controller::Memory, "memory.swap.max"));
  if (!swap_limit.empty()) {
    memory.swap.usage = memory.memory.usage + TRY(read("memory.swap.current"));
    const std::uint64_t limit = to_number(swap_limit);
    memory.swap.limit =
        limit == kNoLimit || memory.memory.limit == kNoLimit ? kNoLimit : limit + memory.memory.limit;
  }
  memory.pressure = TRY(reader.pressure("memory.pressure"));
  return {};
}

Result<void> read_pids(Reader& reader, Cgroup& cgroup, PidsStats& pids) {
  if (!reader.has(Controller::Pids)) {
    pids.current = TRY(cgroup.processes()).size();
    return {};
  }
  pids.current = TRY(reader.number(Controller::Pids, "pids.current"));
  const std::uint64_t limit = TRY(reader.number(Controller::Pids, "pids.max"));
  pids.limit = limit == kNoLimit ? 0 : limit;
  return {};
}

// "8:0 Read 4096", "8:0 17"; the line "Total 4096" sums up.
std::vector<BlockIoEntry> parse_block_io(std::string_view text) {
  std::vector<BlockIoEntry> entries;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (line.find(':') == std::string_view::npos) continue;
    BlockIoEntry entry;
    entry.major = to_number(next_word(line, ": "));
    entry.minor = to_number(next_word(line, ": "));
    const std::string_view third = next_word(line, " ");
    const std::string_view fourth = next_word(line, " ");
    if (!fourth.empty()) entry.operation = third;
    entry.value = to_number(fourth.empty() ? third : fourth);
    entries.push_back(std::move(entry));
  }
  return entries;
}

// Who counts depends on the I/O scheduler: BFQ, CFQ (before Linux 5.0) or the throttling layer, which sees
// everything. The first that knows anything is taken.
constexpr const char* kBlockIoSets[] = {"bfq.", "", "throttle."};

Result<void> read_block_io_v1(Reader& reader, BlockIoStats& io) {
  const auto read = [&](const char* set, const char* file) -> Result<std::vector<BlockIoEntry>> {
    const std::string text = TRY(reader.text(Controller::Io, fmt::format("blkio.{}{}", set, file).c_str()));
    return parse_block_io(text);
  };
  for (const char* set : kBlockIoSets) {
    io.serviced = TRY(read(set, "io_serviced_recursive"));
    if (io.serviced.empty()) continue;
    io.service_bytes = TRY(read(set, "io_service_bytes_recursive"));
    io.sectors = TRY(read(set, "sectors_recursive"));
    io.service_time = TRY(read(set, "io_service_time_recursive"));
    io.wait_time = TRY(read(set, "io_wait_time_recursive"));
    io.merged = TRY(read(set, "io_merged_recursive"));
    io.queued = TRY(read(set, "io_queued_recursive"));
    io.time = TRY(read(set, "time_recursive"));
    return {};
  }
  return {};
}

// "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0"
void parse_io_stat(std::string_view text, BlockIoStats& io) {
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::uint64_t major = to_number(next_word(line, ": "));
    const std::uint64_t minor = to_number(next_word(line, ": "));
    while (!line.empty()) {
      const std::string_view pair = next_word(line, " ");
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view key = pair.substr(0, equals);
      const std::uint64_t value = to_number(pair.substr(equals + 1));
      if (key == "rbytes") io.service_bytes.push_back({major, minor, "Read", value});
      if (key == "wbytes") io.service_bytes.push_back({major, minor, "Write", value});
      if (key == "rios") io.serviced.push_back({major, minor, "Read", value});
      if (key == "wios") io.serviced.push_back({major, minor, "Write", value});
    }
  }
}

Result<void> read_block_io(Reader& reader, BlockIoStats& io) {
  if (!reader.has(Controller::Io)) return {};
  if (reader.is_v1(Controller::Io)) return read_block_io_v1(reader, io);
  parse_io_stat(TRY(reader.text(Controller::Io, "io.stat")), io);
  io.pressure = TRY(reader.pressure("io.pressure"));
  return {};
}

// "hugepages-2048kB" -> "2MB", as the names of the files of hugetlb have it.
std::string page_size_of(std::string_view directory) {
  constexpr std::string_view kPrefix = "hugepages-";
  if (!directory.starts_with(kPrefix)) return {};
  const std::uint64_t kilobytes =
      to_number(directory.substr(kPrefix.size(), directory.find("kB") - kPrefix.size()));
  if (kilobytes >= 1 << 20) return fmt::format("{}GB", kilobytes >> 20);
  if (kilobytes >= 1 << 10) return fmt::format("{}MB", kilobytes >> 10);
  return fmt::format("{}KB", kilobytes);
}

Result<void> read_hugetlb(Reader& reader, const std::string& page_sizes,
                          std::map<std::string, HugetlbStats>& hugetlb) {
  if (!reader.has(Controller::Hugetlb)) return {};
  const auto names = names_in(AT_FDCWD, page_sizes);
  if (!names) return {};  // a kernel without huge pages
  for (const std::string& name : *names)
    if (std::string size = page_size_of(name); !size.empty()) hugetlb[std::move(size)];
  const bool v1 = reader.is_v1(Controller::Hugetlb);
  for (auto& entry : hugetlb) {
    const std::string& size = entry.first;
    HugetlbStats& stats = entry.second;
    const auto name = [&size](const char* what) { return fmt::format("hugetlb.{}.{}", size, what); };
    const auto read = [&](const char* what) {
      return reader.number(Controller::Hugetlb, name(what).c_str());
    };
    stats.usage = TRY(read(v1 ? "usage_in_bytes" : "current"));
    if (v1) {
      stats.max_usage = TRY(read("max_usage_in_bytes"));
      stats.fail_count = TRY(read("failcnt"));
    } else {
      each_pair(TRY(reader.text(Controller::Hugetlb, name("events").c_str())),
                [&stats](std::string_view key, std::uint64_t n) {
                  if (key == "max") stats.fail_count = n;
                });
    }
  }
  return {};
}

// ---- totals

Result<std::uint64_t> read_cpu_total(Reader& reader) {
  if (reader.is_v1(Controller::Cpuacct)) return reader.number(Controller::Cpuacct, "cpuacct.usage");
  std::uint64_t total = 0;
  if (reader.has_v2())
    each_pair(TRY(reader.text_v2("cpu.stat")), [&](std::string_view key, std::uint64_t n) {
      if (key == "usage_usec") total = n * 1000;
    });
  return total;
}

Result<std::vector<BlockIoEntry>> read_service_bytes(Reader& reader) {
  BlockIoStats io;
  if (!reader.is_v1(Controller::Io)) {
    parse_io_stat(TRY(reader.text(Controller::Io, "io.stat")), io);
    return std::move(io.service_bytes);
  }
  for (const char* set : kBlockIoSets) {
    const std::string file = fmt::format("blkio.{}io_service_bytes_recursive", set);
    io.service_bytes = parse_block_io(TRY(reader.text(Controller::Io, file.c_str())));
    if (!io.service_bytes.empty()) break;
  }
  return std::move(io.service_bytes);
}

}  // namespace

Result<CgroupTotals> read_totals(Cgroup& cgroup) {
  Reader reader(cgroup);
  CgroupTotals totals{.cpu = TRY(read_cpu_total(reader))};
  if (reader.has(Controller::Memory)) {
    const bool v1 = reader.is_v1(Controller::Memory);
    const auto read = [&](const char* file) { return reader.number(Controller::Memory, file); };
    totals.memory = TRY(read(v1 ? "memory.usage_in_bytes" : "memory.current"));
    totals.memory_peak = TRY(read(v1 ? "memory.max_usage_in_bytes" : "memory.peak"));  // v2: Linux 5.19
  }
  if (!reader.has(Controller::Io)) return totals;
  for (const BlockIoEntry& entry : TRY(read_service_bytes(reader))) {
    if (entry.operation == "Read") totals.io_read += entry.value;
    if (entry.operation == "Write") totals.io_written += entry.value;
  }
  return totals;
}

Result<CgroupStats> read_stats(Cgroup& cgroup, const std::string& page_sizes) {
  CgroupStats stats;
  Reader reader(cgroup);
  TRY(read_cpu(reader, stats.cpu));
  TRY(read_cpuset(reader, stats.cpuset));
  TRY(read_memory(reader, stats.memory));
  TRY(read_pids(reader, cgroup, stats.pids));
  TRY(read_block_io(reader, stats.block_io));
  TRY(read_hugetlb(reader, page_sizes, stats.hugetlb));
  return stats;
}

}  // namespace gantry::kernel
