// SPDX-License-Identifier: Apache-2.0
#include "engine/processes.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"
#include "base/process.h"
#include "kernel/cgroup.h"
#include "kernel/cgroup_layout.h"

namespace gantry::engine {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t kMaxCommand = 4096;      // bytes of a command line that are shown
constexpr std::size_t kMaxListing = 64 << 20;  // bytes of ps(1)'s answer

Words split(std::string_view text, std::size_t most = SIZE_MAX) {
  Words words;
  while (words.size() + 1 < most) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    const std::size_t end = text.find_first_of(" \t", begin);
    words.emplace_back(text.substr(begin, end == std::string_view::npos ? end : end - begin));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  }
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin != std::string_view::npos) words.emplace_back(text.substr(begin));
  return words;
}

// ---- "-ef", from /proc

std::string user_name(uid_t uid) {
  char buffer[4096];
  passwd entry{};
  passwd* found = nullptr;
  // The host's names, as its ps(1) shows them: ids are those of the host.
  if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(uid);
}

std::string terminal_name(std::uint64_t device) {
  if (device == 0) return "?";
  const auto major = ::major(device), minor = ::minor(device);
  if (major >= 136 && major <= 143) return fmt::format("pts/{}", (major - 136) * 256 + minor);
  if (major == 4) return fmt::format("tty{}", minor);
  return "?";
}

std::uint64_t number_at(const Words& words, std::size_t index) {
  std::uint64_t number = 0;
  if (index < words.size())
    (void)std::from_chars(words[index].data(), words[index].data() + words[index].size(), number);
  return number;
}

struct Clock {
  std::uint64_t ticks_a_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  time_t now = ::time(nullptr);
  std::uint64_t uptime = 0;  // seconds

  static Result<Clock> read() {
    Clock clock;
    clock.uptime = number_at({TRY(read_file("/proc/uptime"))}, 0);
    return clock;
  }
};

// ps(1): the time of day, or the day for what is older.
std::string start_text(const Clock& clock, std::uint64_t start_ticks) {
  const auto age =
      static_cast<time_t>(clock.uptime - std::min(clock.uptime, start_ticks / clock.ticks_a_second));
  const time_t start = clock.now - age;
  tm when{}, today{};
  ::localtime_r(&start, &when);
  ::localtime_r(&clock.now, &today);
  char text[16];
  const bool is_today = when.tm_year == today.tm_year && when.tm_yday == today.tm_yday;
  const char* format = is_today ? "%H:%M" : when.tm_year == today.tm_year ? "%b%d" : "%Y";
  text[std::strftime(text, sizeof text, format, &when)] = '\0';
  return text;
}

std::string command_of(int process, std::string_view name) {
  Result<std::string> arguments = read_file_at(process, "cmdline", 16 << 20);
  if (!arguments || arguments->empty()) return fmt::format("[{}]", printable(name));
  while (!arguments->empty() && arguments->back() == '\0') arguments->pop_back();
  std::ranges::replace(*arguments, '\0', ' ');
  return printable(*arguments, kMaxCommand);
}

// Nothing if the process has gone.
std::optional<Words> full_row(pid_t pid, const Clock& clock) {
  const UniqueFd process(::open(fmt::format("/proc/{}", pid).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat st{};
  if (!process || ::fstat(process.get(), &st) < 0) return std::nullopt;
  const Result<std::string> text = read_file_at(process.get(), "stat");
  if (!text) return std::nullopt;
  // The name is between parentheses and may hold any others; what follows are words.
  const std::size_t open = text->find('('), close = text->rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  const Words words = split(std::string_view(*text).substr(close + 1));  // from the third field on: proc(5)
  const std::uint64_t cpu = (number_at(words, 11) + number_at(words, 12)) / clock.ticks_a_second;
  const std::uint64_t start = number_at(words, 19);
  const std::uint64_t age = clock.uptime - std::min(clock.uptime, start / clock.ticks_a_second);
  return Words{user_name(st.st_uid),
               std::to_string(pid),
               std::to_string(number_at(words, 1)),
               std::to_string(age == 0 ? 0 : std::min<std::uint64_t>(cpu * 100 / age, 99)),
               start_text(clock, start),
               terminal_name(number_at(words, 4)),
               fmt::format("{:02}:{:02}:{:02}", cpu / 3600, cpu / 60 % 60, cpu % 60),
               command_of(process.get(), std::string_view(*text).substr(open + 1, close - open - 1))};
}

Result<ProcessTable> list_full(const std::vector<pid_t>& pids) {
  const Clock clock = TRY(Clock::read());
  ProcessTable table{.titles = {"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}};
  for (const pid_t pid : pids)
    if (std::optional<Words> row = full_row(pid, clock)) table.processes.push_back(*std::move(row));
  return table;
}

// ---- anything else, by ps(1)

Result<std::string> run_ps(Words arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return sys_error("make a pipe");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  arguments.insert(arguments.begin(), "ps");
  Result<ChildProcess> child = spawn({.program = "ps",
                                      .arguments = std::move(arguments),
                                      .in = kDevNull,
                                      .out = write_end.get(),
                                      .err = write_end.get()});
  if (!child && child.error().code() == Code::NotFound)
    return error(Code::Unavailable,
                 "there is no ps on this host (of the package procps): only '-ef' is known");
  ChildProcess ps = TRY(std::move(child));
  write_end.reset();
  std::string text = TRY(read_all(read_end.get(), "what ps says", kMaxListing));
  const WaitStatus status = TRY(ps.wait());
  if (!status.is_success())
    return error(Code::InvalidArgument, "ps: {}", printable(text.substr(0, text.find('\n')), 200));
  return text;
}

Result<ProcessTable> parse_listing(std::string_view text, const std::set<std::string>& pids) {
  ProcessTable table;
  const std::size_t end = text.find('\n');
  table.titles = split(text.substr(0, end));
  const auto pid = std::ranges::find(table.titles, "PID");
  if (pid == table.titles.end()) return error(Code::InvalidArgument, "Couldn't find PID field in ps output");
  const auto column = static_cast<std::size_t>(pid - table.titles.begin());
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  while (!text.empty()) {
    const std::size_t line_end = text.find('\n');
    Words row = split(text.substr(0, line_end), table.titles.size());
    if (row.size() > column && pids.contains(row[column])) table.processes.push_back(std::move(row));
    text.remove_prefix(line_end == std::string_view::npos ? text.size() : line_end + 1);
  }
  return table;
}

}  // namespace

void fields(json::Fields& f, ProcessTable& table) {
  f("Titles", table.titles, json::Presence::Always);
  f("Processes", table.processes, json::Presence::Always);
}

Result<ProcessTable> list_processes(const std::vector<pid_t>& pids, std::string_view ps_args) {
  const Words arguments = split(ps_args.empty() ? "-ef" : ps_args);
  if (arguments == Words{"-ef"}) return list_full(pids);
  std::set<std::string> wanted;
  for (const pid_t pid : pids) wanted.insert(std::to_string(pid));
  return parse_listing(TRY(run_ps(arguments)), wanted);
}

Result<std::vector<pid_t>> processes_in(const std::string& cgroup_path) {
  const kernel::CgroupLayout layout = TRY(kernel::CgroupLayout::read());
  std::vector<kernel::CgroupPlace> places;
  for (const kernel::Hierarchy& hierarchy : layout.hierarchies)
    places.push_back({.key = hierarchy.key, .path = hierarchy.mount + cgroup_path});
  kernel::Cgroup cgroup = TRY(kernel::Cgroup::open(std::move(places)));
  std::vector<pid_t> pids = TRY(cgroup.processes());
  std::ranges::sort(pids);
  return pids;
}

}  // namespace gantry::engine
