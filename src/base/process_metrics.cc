// SPDX-License-Identifier: Apache-2.0
#include "base/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace gantry {
namespace {

// The fields of /proc/self/stat behind the program's name, which may hold anything: the first is number 3 of
// proc(5).
std::vector<std::uint64_t> stat_fields() {
  const auto text = read_file("/proc/self/stat");
  if (!text) return {};
  std::string_view rest = *text;
  rest.remove_prefix(std::min(rest.rfind(')') + 1, rest.size()));
  std::vector<std::uint64_t> fields;
  while (!rest.empty()) {
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    const std::string_view word = rest.substr(0, rest.find(' '));
    std::uint64_t number = 0;
    (void)std::from_chars(word.data(), word.data() + word.size(), number);  // the state is a letter
    fields.push_back(number);
    rest.remove_prefix(word.size());
  }
  return fields;
}

std::uint64_t count_fds() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), ::closedir);
  if (!directory) return 0;
  std::uint64_t count = 0;
  while (const dirent* entry =
             ::readdir(directory.get()))  // NOLINT(concurrency-mt-unsafe): a stream of its own
    if (entry->d_name[0] != '.') ++count;
  return count - 1;  // the one that reads
}

// "btime 1732183200" of /proc/stat.
double boot_time() {
  const auto text = read_file("/proc/stat");
  if (!text) return 0;
  const std::size_t at = text->find("\nbtime ");
  std::uint64_t seconds = 0;
  if (at != std::string::npos)
    (void)std::from_chars(text->data() + at + 7, text->data() + text->size(), seconds);
  return static_cast<double>(seconds);
}

struct ProcessFacts {
  double cpu_seconds = 0;  // user and system
  double start_time = 0;   // seconds since 1970
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;                              // the soft limit
  std::uint64_t virtual_memory = 0, resident_memory = 0;  // bytes
  std::uint64_t threads = 0;
};

ProcessFacts read_facts() {
  ProcessFacts facts{.open_fds = count_fds()};
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  constexpr std::size_t kFirst = 3, kUserTime = 14, kSystemTime = 15, kThreads = 20, kStart = 22,
                        kVirtual = 23, kResident = 24;
  if (const auto fields = stat_fields(); fields.size() > kResident - kFirst) {
    const auto field = [&](std::size_t number) { return fields[number - kFirst]; };
    facts.cpu_seconds = static_cast<double>(field(kUserTime) + field(kSystemTime)) / ticks;
    facts.threads = field(kThreads);
    facts.start_time = boot_time() + static_cast<double>(field(kStart)) / ticks;
    facts.virtual_memory = field(kVirtual);
    facts.resident_memory = field(kResident) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  if (rlimit limit{}; ::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.max_fds = limit.rlim_cur;
  return facts;
}

}  // namespace

void write_process(MetricsPage& page) {
  const ProcessFacts process = read_facts();
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  page.one("process_cpu_seconds_total", MetricKind::Counter,
           "Total user and system CPU time spent in seconds.", process.cpu_seconds);
  page.one("process_open_fds", MetricKind::Gauge, "Number of open file descriptors.",
           number(process.open_fds));
  page.one("process_max_fds", MetricKind::Gauge, "Maximum number of open file descriptors.",
           number(process.max_fds));
  page.one("process_virtual_memory_bytes", MetricKind::Gauge, "Virtual memory size in bytes.",
           number(process.virtual_memory));
  page.one("process_resident_memory_bytes", MetricKind::Gauge, "Resident memory size in bytes.",
           number(process.resident_memory));
  page.one("process_start_time_seconds", MetricKind::Gauge,
           "Start time of the process since unix epoch in seconds.", process.start_time);
  page.one("process_threads", MetricKind::Gauge, "Number of threads of the process.",
           number(process.threads));
}

}  // namespace gantry
