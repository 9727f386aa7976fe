// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/options.h"

#include <charconv>
#include <limits>
#include <optional>

#include "base/options.h"

namespace gantry::shim {
namespace {

// The values as they are written, before they have been checked.
struct Given {
  std::string size;
  std::string stdin_mode = "null";
  std::optional<std::int64_t> log_max_bytes;
  std::optional<std::int64_t> log_max_files;
};

std::vector<Option> rows(Options& options, Given& given) {
  return {
      {0, "id", "ID", &options.id, "The container's id"},
      {0, "bundle", "DIR", &options.bundle, "The OCI bundle"},
      {0, "runtime", "PATH", &options.runtime, "The OCI runtime"},
      {0, "runtime-root", "DIR", &options.runtime_root, "The runtime's --root"},
      {0, "state", "DIR", &options.state_dir,
       "Where socket, pid files and exit record are; made if it is missing"},
      {0, "log-path", "FILE", &options.log.path,
       "The container's log; without one its output is kept nowhere"},
      {0, "log-max-size", "BYTES", &given.log_max_bytes,
       "Rotate the log before it grows beyond this (0, the default: never)"},
      {0, "log-max-files", "N", &given.log_max_files, "Keep so many files, with the current one (default 1)"},
      {0, "terminal", "", &options.terminal, "The bundle asks for a terminal"},
      {0, "size", "ROWSxCOLUMNS", &given.size, "The terminal's first size"},
      {0, "stdin", "open|null", &given.stdin_mode,
       "A pipe that clients write to, or /dev/null (the default)"},
      {0, "systemd-cgroup", "", &options.systemd_cgroup, "Passed to the runtime"},
      {0, "create-arg", "ARG", &options.create_args, "Passed to the runtime's create; may be repeated"},
      {0, "sync-fd", "N", &options.sync_fd, "Where to report 'ready PID' or 'error TEXT' (default 1)"},
      {0, "help", "", &options.help, "Show this text"},
  };
}

// Ids become file names and arguments of the runtime, so none may look like an option or a path.
bool is_container_id(std::string_view id) {
  constexpr std::string_view kAllowed = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_+-.";
  constexpr std::size_t kLetters = kAllowed.size() - 4;
  return !id.empty() && id.size() <= 1024 && kAllowed.find(id[0]) < kLetters &&
         id.find_first_not_of(kAllowed) == id.npos;
}

Result<WindowSize> parse_size(std::string_view text) {
  WindowSize size;
  const char* end = text.data() + text.size();
  const auto rows_end = std::from_chars(text.data(), end, size.rows);
  if (rows_end.ec == std::errc() && rows_end.ptr != end && *rows_end.ptr == 'x') {
    const auto columns_end = std::from_chars(rows_end.ptr + 1, end, size.columns);
    if (columns_end.ec == std::errc() && columns_end.ptr == end) return size;
  }
  return error(Code::InvalidArgument, "option --size: '{}' is not ROWSxCOLUMNS", text);
}

Result<void> check(Options& options, const Given& given) {
  if (!is_container_id(options.id))
    return error(Code::InvalidArgument, "option --id: '{}' is not a container id", options.id);
  struct Path {
    std::string_view name;
    const std::string& value;
    bool is_required;
  };
  const Path paths[] = {{"bundle", options.bundle, true},
                        {"runtime", options.runtime, true},
                        {"state", options.state_dir, true},
                        {"runtime-root", options.runtime_root, false},
                        {"log-path", options.log.path, false}};
  for (const Path& path : paths)
    if (!path.value.starts_with('/') && (path.is_required || !path.value.empty()))
      return error(Code::InvalidArgument, "option --{}: '{}' is not an absolute path", path.name, path.value);
  const std::int64_t max_bytes = given.log_max_bytes.value_or(0), max_files = given.log_max_files.value_or(1);
  if (max_bytes < 0) return error(Code::InvalidArgument, "option --log-max-size: must not be negative");
  if (max_files < 1 || max_files > std::numeric_limits<std::int32_t>::max())
    return error(Code::InvalidArgument, "option --log-max-files: must be at least 1");
  options.log.max_bytes = static_cast<std::uint64_t>(max_bytes);
  options.log.max_files = static_cast<unsigned>(max_files);
  if (!given.size.empty()) options.size = TRY(parse_size(given.size));
  if (given.stdin_mode != "open" && given.stdin_mode != "null")
    return error(Code::InvalidArgument, "option --stdin: '{}' is neither open nor null", given.stdin_mode);
  options.open_stdin = given.stdin_mode == "open";
  return {};
}

}  // namespace

Result<Options> parse_command_line(const std::vector<std::string>& arguments) {
  Options options;
  Given given;
  const std::vector<std::string> operands =
      TRY(parse_options(rows(options, given), arguments, Operands::Anywhere));
  if (options.help) return options;
  if (!operands.empty()) return error(Code::InvalidArgument, "unexpected argument '{}'", operands.front());
  TRY(check(options, given));
  return options;
}

std::string usage() {
  Options options;
  Given given;
  return "usage: gantry-shim OPTIONS\nCreates one container and stays its parent until it has ended.\n\n" +
         describe_options(rows(options, given));
}

}  // namespace gantry::shim
