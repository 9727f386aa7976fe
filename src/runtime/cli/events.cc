// SPDX-License-Identifier: Apache-2.0
#include "runtime/events_json.h"

#include <poll.h>

#include <chrono>

#include "kernel/cgroup_stats.h"
#include "kernel/oom_watch.h"
#include "kernel/pidfd.h"
#include "runtime/cli/command.h"
#include "runtime/container.h"

namespace gantry::runtime::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// "5s", "250ms", "2m"; a bare number is seconds.
Result<milliseconds> parse_interval(const std::string& text) {
  char* unit = nullptr;
  const double number = std::strtod(text.c_str(), &unit);
  const std::string_view word = unit;
  const double factor = word == "ms" ? 1 : word == "s" || word.empty() ? 1000 : word == "m" ? 60'000 : 0;
  const double value = number * factor;
  if (unit == text.c_str() || !(value >= 1 && value <= 86'400'000))
    return error(Code::InvalidArgument, "option '--interval': '{}' is not between 1ms and 1440m", text);
  return milliseconds(static_cast<std::int64_t>(value));
}

Result<void> print_stats(const Container& container, kernel::Cgroup& cgroup) {
  return print(stats_event(container.id(), TRY(kernel::read_stats(cgroup))) + "\n");
}

// Until the first process ends.
Result<void> follow(const Container& container, kernel::Cgroup& cgroup, milliseconds interval) {
  const ProcessRef& init = container.record().init;
  const UniqueFd process = TRY(kernel::open_pidfd(init.pid, init.start_time));
  auto watch = kernel::OomWatch::of(cgroup);
  if (!watch && watch.error().code() != Code::NotFound) return std::move(watch).error();
  pollfd fds[] = {{.fd = process.get(), .events = POLLIN},
                  {.fd = watch ? watch->fd() : -1, .events = watch ? watch->poll_events() : short{0}}};
  for (auto next = steady_clock::now() + interval;;) {
    const auto left = std::chrono::ceil<milliseconds>(next - steady_clock::now());
    const int ready = ::poll(fds, std::size(fds), static_cast<int>(std::max(left, milliseconds(0)).count()));
    if (ready < 0 && errno != EINTR) return sys_error("wait for events");
    // The kernel tells of the last kill by memory a little late (CGROUP_FILE_NOTIFY_MIN_INTV), so the count
    // is looked at whatever it was that happened.
    if (ready > 0 && watch)
      for (std::uint64_t n = watch->take(); n > 0; --n) TRY(print(oom_event(container.id()) + "\n"));
    if (ready > 0 && fds[0].revents != 0) return {};
    if (steady_clock::now() < next) continue;
    TRY(print_stats(container, cgroup));
    next += interval;
  }
}

}  // namespace

Result<int> events(const Globals& globals, const Arguments& words) {
  bool stats = false;
  std::string interval = "5s";
  const Option options[] = {{0, "stats", "", &stats, "Show the statistics once and end"},
                            {0, "interval", "TIME", &interval, "Between two statistics: 500ms, 5s, 1m"}};
  const auto operands = TRY(parse({"events", 1, 1}, options, words));
  const auto between = TRY(parse_interval(interval));
  const Container container = TRY(Container::open(globals.root, operands[0]));
  const Status status = container.status();
  if (status == Status::Stopped || status == Status::Creating)
    return error(Code::Conflict, "container '{}' is not running: {}", container.id(), name_of(status));
  kernel::Cgroup cgroup = TRY(container.open_cgroup());
  if (stats)
    TRY(print_stats(container, cgroup));
  else
    TRY(follow(container, cgroup, between));
  return 0;
}

}  // namespace gantry::runtime::cli
