// SPDX-License-Identifier: Apache-2.0
#include "container/launch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"
#include "base/process.h"
#include "base/unique_fd.h"

namespace gantry::container {
namespace {

constexpr std::size_t kMaxReport = 64 << 10;  // bytes
constexpr int kNotFound = 127, kNotExecutable = 126;

std::vector<std::string> arguments_of(const ShimLaunch& launch) {
  std::vector<std::string> arguments = {"gantry-shim",  "--id",        launch.id,
                                        "--bundle",     launch.bundle, "--runtime",
                                        launch.runtime, "--state",     launch.state_dir};
  const auto add = [&](std::string name, std::string value) {
    arguments.push_back(std::move(name));
    arguments.push_back(std::move(value));
  };
  if (!launch.runtime_root.empty()) add("--runtime-root", launch.runtime_root);
  if (!launch.log_path.empty()) {
    add("--log-path", launch.log_path);
    add("--log-max-size", std::to_string(launch.log_max_bytes));
    add("--log-max-files", std::to_string(launch.log_max_files));
  }
  if (launch.terminal) arguments.emplace_back("--terminal");
  if (launch.terminal && launch.size.rows != 0)
    add("--size", fmt::format("{}x{}", launch.size.rows, launch.size.columns));
  add("--stdin", launch.open_stdin ? "open" : "null");
  if (launch.systemd_cgroup) arguments.emplace_back("--systemd-cgroup");
  for (const std::string& argument : launch.create_args) add("--create-arg", argument);
  return arguments;
}

// A program that is not there is what the caller asked for wrongly.
Error refusal(std::string_view text) {
  Error why = error(Code::Internal, "{}", text);
  return status_of_failed_start(why) == kNotStarted ? std::move(why)
                                                    : std::move(why).with_code(Code::InvalidArgument);
}

// "ready PID" or "error TEXT", one line.
Result<pid_t> parse_report(std::string_view report) {
  while (report.ends_with('\n')) report.remove_suffix(1);
  constexpr std::string_view kReady = "ready ", kError = "error ";
  if (report.starts_with(kError)) return refusal(report.substr(kError.size()));
  if (report.starts_with(kReady)) {
    const std::string_view number = report.substr(kReady.size());
    pid_t pid = 0;
    const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), pid);
    if (failed == std::errc() && end == number.data() + number.size() && pid > 0) return pid;
  }
  return error(Code::DataLoss, "the shim reported '{}'", printable(report));
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

Result<pid_t> launch_shim(const ShimLaunch& launch) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return sys_error("make pipe");
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  ChildProcess shim = TRY_DURING(spawn({.program = launch.program,
                                        .arguments = arguments_of(launch),
                                        .in = kDevNull,
                                        .out = write_end.get()}),
                                 "start the shim '{}'", launch.program);
  write_end.reset();
  auto report = read_all(read_end.get(), "the shim's report", kMaxReport);
  // What we started ends once it has reported; the shim itself is a child of it, and by now nobody's.
  const WaitStatus status = TRY(shim.wait());
  if (!report) return std::move(report).error();
  if (report->empty())
    return error(Code::Unavailable, "the shim ended with {} before it reported", status.describe());
  return parse_report(*report);
}

std::string shim_socket(const std::string& state_dir) { return state_dir + "/shim.sock"; }

// The runtime's sentence is all there is: it came through a program. Its words for this are fixed
// (runtime/process_start.cc), and runc's are the same.
int status_of_failed_start(const Error& error) {
  const std::string_view message = error.message();
  // The runtime's verb may stand in front: 'OCI runtime exec failed: exec: "x": …'.
  const std::size_t exec = std::min(message.find("exec: \""), message.find("exec /"));
  if (exec == message.npos) return kNotStarted;
  const std::string_view why = message.substr(exec);
  if (contains(why, "executable file not found") || contains(why, "o such file or directory"))
    return kNotFound;
  if (contains(why, "ermission denied") || contains(why, "is a directory") ||
      contains(why, "exec format error"))
    return kNotExecutable;
  return kNotStarted;
}

}  // namespace gantry::container
