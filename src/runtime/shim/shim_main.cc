// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <csignal>

#include <fmt/format.h>

#include "base/file.h"
#include "runtime/shim/options.h"
#include "runtime/shim/shim.h"

namespace gantry::shim {
namespace {

constexpr int kReportFd = 3;

// One line, whatever the runtime's words were.
std::string error_line(const Error& error) {
  std::string line = "error " + error.message();
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return line + "\n";
}

// Keeps the report pipe and nothing else of the caller's: this process lives for as long as the container.
Result<void> detach_from_caller(int report) {
  if (::setsid() < 0) return sys_error("start a session");
  if (::chdir("/") < 0) return sys_error("change to the root directory");
  if (report != kReportFd && ::dup3(report, kReportFd, O_CLOEXEC) < 0)
    return sys_error("keep the report pipe");
  if (::close_range(kReportFd + 1, UINT_MAX, 0) < 0) return sys_error("close inherited descriptors");
  UniqueFd null = TRY(open_at(AT_FDCWD, "/dev/null", O_RDWR));
  for (int fd = 0; fd <= 2; ++fd)
    if (::dup2(null.get(), fd) < 0) return sys_error("open /dev/null as descriptor {}", fd);
  if (null.get() <= 2) (void)null.release();  // it was opened as one of them
  // Only SIGKILL ends a shim before its container. SIGCHLD comes by signalfd(2).
  sigset_t all;
  ::sigfillset(&all);
  (void)::sigprocmask(SIG_SETMASK, &all, nullptr);
  return {};
}

Result<std::unique_ptr<Shim>> create_container(const Options& options) {
  auto shim = TRY(Shim::make(options));
  TRY(shim->create());
  return shim;
}

int run(const Options& options, int report_pipe) {
  if (auto detached = detach_from_caller(report_pipe); !detached) {
    (void)write_all(report_pipe, error_line(detached.error()), "report");
    return 1;
  }
  UniqueFd report(kReportFd);
  auto shim = create_container(options);
  const std::string line =
      shim ? fmt::format("ready {}\n", (*shim)->container_pid()) : error_line(shim.error());
  (void)write_all(report.get(), line, "report");  // the caller may have gone; the container has not
  report.reset();
  return shim && (*shim)->serve() ? 0 : 1;
}

}  // namespace

// The caller's child waits for the report of a child of its own, which stays: so the caller is told when the
// container exists, has nothing to reap later, and cannot be its parent.
int shim_main(int argc, char** argv) {
  const auto options = parse_command_line({argv + 1, argv + argc});
  if (!options) {
    (void)write_all(STDOUT_FILENO, error_line(options.error()), "standard output");
    return 2;
  }
  if (options->help) return write_all(STDOUT_FILENO, usage(), "standard output") ? 0 : 1;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) {
    (void)write_all(options->sync_fd, error_line(sys_error("make pipe")), "report");
    return 1;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    (void)::close(ends[0]);
    return run(*options, ends[1]);
  }
  (void)::close(ends[1]);
  if (child < 0) {
    (void)write_all(options->sync_fd, error_line(sys_error("fork")), "report");
    return 1;
  }
  auto report = read_all(ends[0], "report");
  if (!report || report->empty()) report = "error the shim ended before the container existed\n";
  const bool told = write_all(options->sync_fd, *report, "report").has_value();
  return told && report->starts_with("ready ") ? 0 : 1;
}

}  // namespace gantry::shim
