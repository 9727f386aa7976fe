// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/options.h"

#include <charconv>

#include <fmt/format.h>

namespace gantry::shim {
namespace {

using Text = std::string_view;

template <class T>
Result<T> number(Text text) {
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size())
    return error(Code::InvalidArgument, "'{}' is not a number of this range", text);
  return value;
}

Result<std::string> absolute_path(Text text) {
  if (!text.starts_with('/')) return error(Code::InvalidArgument, "'{}' is not an absolute path", text);
  return std::string(text);
}

// Ids become file names and arguments of the runtime, so none may look like an option or a path.
Result<std::string> container_id(Text text) {
  constexpr Text kAlphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const bool is_valid = !text.empty() && text.size() <= 1024 && kAlphanumeric.find(text[0]) != Text::npos &&
                        text.find_first_not_of(std::string(kAlphanumeric) + "_+-.") == Text::npos;
  if (!is_valid) return error(Code::InvalidArgument, "'{}' is not a container id", text);
  return std::string(text);
}

Result<WindowSize> window_size(Text text) {
  const std::size_t x = text.find('x');
  if (x == Text::npos) return error(Code::InvalidArgument, "'{}' is not ROWSxCOLUMNS", text);
  return WindowSize{TRY(number<std::uint16_t>(text.substr(0, x))),
                    TRY(number<std::uint16_t>(text.substr(x + 1)))};
}

template <class T>
Result<void> assign(T& field, Result<T> value) {
  field = TRY(std::move(value));
  return {};
}

struct Row {
  Text name;
  Text argument;  // empty: the option takes none
  Text help;
  Result<void> (*set)(Options&, Text);
};

constexpr Row kRows[] = {
    {"--id", "ID", "The container's id", [](Options& o, Text t) { return assign(o.id, container_id(t)); }},
    {"--bundle", "DIR", "The OCI bundle",
     [](Options& o, Text t) { return assign(o.bundle, absolute_path(t)); }},
    {"--runtime", "PATH", "The OCI runtime",
     [](Options& o, Text t) { return assign(o.runtime, absolute_path(t)); }},
    {"--runtime-root", "DIR", "The runtime's --root",
     [](Options& o, Text t) { return assign(o.runtime_root, absolute_path(t)); }},
    {"--state", "DIR", "Where the socket, the pid files and the exit record are; made if it is missing",
     [](Options& o, Text t) { return assign(o.state_dir, absolute_path(t)); }},
    {"--log-path", "FILE", "The container's log; without one its output is kept nowhere",
     [](Options& o, Text t) { return assign(o.log.path, absolute_path(t)); }},
    {"--log-max-size", "BYTES", "Rotate the log before it grows beyond this (0: never)",
     [](Options& o, Text t) { return assign(o.log.max_bytes, number<std::uint64_t>(t)); }},
    {"--log-max-files", "N", "Keep so many files, with the current one (default 1)",
     [](Options& o, Text t) { return assign(o.log.max_files, number<unsigned>(t)); }},
    {"--terminal", "", "The bundle asks for a terminal",
     [](Options& o, Text) { return assign(o.terminal, Result<bool>(true)); }},
    {"--size", "ROWSxCOLUMNS", "The terminal's first size",
     [](Options& o, Text t) { return assign(o.size, window_size(t)); }},
    {"--stdin", "open|null", "A pipe that clients write to, or /dev/null (the default)",
     [](Options& o, Text t) -> Result<void> {
       if (t != "open" && t != "null")
         return error(Code::InvalidArgument, "'{}' is neither open nor null", t);
       o.open_stdin = t == "open";
       return {};
     }},
    {"--systemd-cgroup", "", "Passed to the runtime",
     [](Options& o, Text) { return assign(o.systemd_cgroup, Result<bool>(true)); }},
    {"--create-arg", "ARG", "Passed to the runtime's create; may be repeated",
     [](Options& o, Text t) -> Result<void> {
       o.create_args.emplace_back(t);
       return {};
     }},
    {"--sync-fd", "N", "Where to report 'ready PID' or 'error TEXT' (default 1)",
     [](Options& o, Text t) { return assign(o.sync_fd, number<int>(t)); }},
};

Result<void> check(const Options& options) {
  const std::pair<Text, const std::string*> required[] = {{"--id", &options.id},
                                                          {"--bundle", &options.bundle},
                                                          {"--runtime", &options.runtime},
                                                          {"--state", &options.state_dir}};
  for (const auto& [name, value] : required)
    if (value->empty()) return error(Code::InvalidArgument, "option {} is missing", name);
  if (options.log.max_files == 0)
    return error(Code::InvalidArgument, "option --log-max-files: must be at least 1");
  return {};
}

}  // namespace

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const Text argument = argv[i];
    const std::size_t equals = argument.find('=');
    const Text name = argument.substr(0, equals);
    const Row* row = nullptr;
    for (const Row& candidate : kRows)
      if (candidate.name == name) row = &candidate;
    if (row == nullptr) return error(Code::InvalidArgument, "unknown option '{}'", name);
    Text value;
    if (row->argument.empty()) {
      if (equals != Text::npos) return error(Code::InvalidArgument, "option {} takes no value", name);
    } else if (equals != Text::npos) {
      value = argument.substr(equals + 1);
    } else {
      if (i + 1 == argc) return error(Code::InvalidArgument, "option {} needs a value", name);
      value = argv[++i];
    }
    TRY_DURING(row->set(options, value), "option {}", name);
  }
  TRY(check(options));
  return options;
}

std::string usage() {
  std::string text =
      "usage: gantry-shim OPTIONS\nCreates one container and stays its parent until it has ended.\n\n";
  for (const Row& row : kRows)
    text += fmt::format("  {:<28} {}\n", fmt::format("{} {}", row.name, row.argument), row.help);
  return text;
}

}  // namespace gantry::shim
