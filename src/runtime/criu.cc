// SPDX-License-Identifier: Apache-2.0
#include "runtime/criu.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "kernel/namespaces.h"

namespace gantry::runtime {
namespace {

constexpr std::size_t kLargestLog = 256 << 20;  // bytes; with all of its debug messages it gets long

std::string_view without_blanks(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
  return line;
}

// "(00.012345)      1: Error (criu/mount.c:1088): ..." without the time and the process in front.
std::string_view without_origin(std::string_view line) {
  const auto skip = [&](std::string_view begin, std::string_view digits, char end) {
    if (!line.starts_with(begin)) return;
    const std::size_t after = line.find_first_not_of(digits, begin.size());
    if (after != std::string_view::npos && line[after] == end) line = without_blanks(line.substr(after + 1));
  };
  skip("(", "0123456789.", ')');
  skip("", "0123456789", ':');
  return line;
}

template <class Take>
void for_each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

int clear_close_on_exec(int fd) { return ::fcntl(fd, F_SETFD, 0); }

}  // namespace

std::string criu_complaints(std::string_view standard_error, std::string_view log) {
  std::vector<std::string_view> lines;
  const auto take = [&](std::string_view line) {
    if (!line.empty() && std::ranges::find(lines, line) == lines.end()) lines.push_back(line);
  };
  for_each_line(standard_error, [&](std::string_view line) { take(without_blanks(line)); });
  for_each_line(log, [&](std::string_view line) {
    line = without_origin(line);
    if (line.starts_with("Error ")) take(line);
  });
  return fmt::format("{}", fmt::join(lines, "; "));
}

Criu::Criu(std::string program, std::string action, std::string work_dir)
    : program_(std::move(program)), action_(std::move(action)) {
  const std::string log = action_ + ".log";
  log_path_ = work_dir + "/" + log;
  words_ = {program_, action_, "--work-dir", std::move(work_dir), "--log-file", log, "-v4"};
}

void Criu::add(std::string option, std::string value) {
  add(std::move(option));
  add(std::move(value));
}

void Criu::add_if(bool wanted, std::string_view option) {
  if (wanted) add(std::string(option));
}

void Criu::inherit(UniqueFd fd, std::string_view key) {
  add("--inherit-fd", fmt::format("fd[{}]:{}", fd.get(), key));
  inherited_.push_back(std::move(fd));
}

Result<Criu::Process> Criu::start(int cgroup) {
  // What an earlier run complained of is not what this one does.
  if (::unlink(log_path_.c_str()) < 0 && errno != ENOENT) return sys_error("remove '{}'", log_path_);
  UniqueFd output(::memfd_create("criu", MFD_CLOEXEC));
  if (!output) return sys_error("make memory file");
  auto [ours, theirs] = TRY(Channel::make_pair());
  const pid_t pid = TRY(kernel::clone_process({.cgroup = cgroup}));
  if (pid == 0) return Process{std::nullopt, std::move(theirs), std::move(output)};
  return Process{ChildProcess(pid), std::move(ours), std::move(output)};
}

void Criu::become_criu(const Process& process, Result<void> prepared) {
  const auto failure = [&]() -> Error {
    if (!prepared) return std::move(prepared).error();
    reset_signals();  // it waits for SIGCHLD, which a runtime in the foreground has blocked
    for (const UniqueFd& fd : inherited_)
      if (clear_close_on_exec(fd.get()) < 0) return sys_error("pass descriptor {} on", fd.get());
    if (::dup2(process.output.get(), 1) < 0 || ::dup2(process.output.get(), 2) < 0)
      return sys_error("redirect output");
    std::vector<char*> arguments;
    for (std::string& word : words_) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execvp(program_.c_str(), arguments.data());
    return sys_error("run '{}'", program_);
  }();
  (void)process.channel.send_failure(failure);  // whoever would read it may be gone
  ::_exit(1);
}

Result<void> Criu::finish(Process process, Result<void> placed) {
  TRY(std::move(placed));  // or it is killed: it waits for us and has done nothing yet
  TRY(process.channel.wait_for_end());
  const WaitStatus status = TRY(process.child->wait());
  if (status.is_success()) return {};
  return error(Code::Internal, "{} {}: {}: {}", program_, action_, status.describe(),
               complaints(process.output.get()));
}

std::string Criu::complaints(int output) const {
  (void)::lseek(output, 0, SEEK_SET);
  const auto standard_error = read_all(output, "output of criu");
  const auto log = read_file(log_path_, kLargestLog);
  std::string text = criu_complaints(standard_error ? *standard_error : "", log ? *log : "");
  if (log) text += fmt::format(" (all of it is in '{}')", log_path_);
  return text;
}

}  // namespace gantry::runtime
