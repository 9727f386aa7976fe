// SPDX-License-Identifier: Apache-2.0
//
// state, list, ps, spec, features.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "base/split.h"
#include "base/table.h"
#include "kernel/capabilities.h"
#include "kernel/cgroup_layout.h"
#include "oci/default_spec.h"
#include "oci/features.h"
#include "runtime/cli/command.h"
#include "runtime/container.h"
#include "runtime/lifecycle.h"
#include "runtime/mount_options.h"
#include "runtime/passwd.h"
#include "runtime/seccomp_filter.h"

namespace gantry::runtime::cli {
namespace {

// The state of the specification with what runc adds: rootfs, created, owner.
void write_state(json::Writer& w, const Container& container, Status status) {
  const Record& record = container.record();
  const oci::State state = container.state(status);
  w.begin_object();
  w.key("ociVersion").value(state.oci_version);
  w.key("id").value(state.id);
  w.key("pid").value(state.pid);
  w.key("status").value(state.status);
  w.key("bundle").value(state.bundle);
  w.key("rootfs").value(record.rootfs);
  w.key("created").value(record.created);
  if (!state.annotations.empty()) {
    w.key("annotations").begin_object();
    for (const auto& [name, value] : state.annotations) w.key(name).value(value);
    w.end_object();
  }
  w.key("owner").value(user_name(read_passwd(), record.owner).value_or(fmt::format("#{}", record.owner)));
  w.end_object();
}

// Those that go away while they are listed are left out.
std::vector<Container> open_all(const Globals& globals, const std::vector<std::string>& ids) {
  std::vector<Container> containers;
  for (const std::string& id : ids) {
    auto container = Container::open(globals.root, id);
    if (container)
      containers.push_back(std::move(*container));
    else if (container.error().code() != Code::NotFound)
      globals.log.warn(container.error().message());
  }
  return containers;
}

Result<void> check_format(const std::string& format) {
  if (format == "table" || format == "json") return {};
  return error(Code::InvalidArgument, "option '--format' is either table or json, not '{}'", format);
}

// What ps(1) prints with those options, without the lines of others.
Result<std::string> run_ps(const std::vector<std::string>& options) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) < 0) return sys_error("make pipe");
  UniqueFd read_end(fds[0]), write_end(fds[1]);
  std::vector<std::string> words = {"ps"};
  if (options.empty()) words.emplace_back("-ef");
  words.insert(words.end(), options.begin(), options.end());
  ChildProcess ps = TRY(spawn({.program = "ps", .arguments = std::move(words), .out = write_end.get()}));
  write_end.reset();
  std::string output = TRY(read_all(read_end.get(), "ps"));
  const WaitStatus status = TRY(ps.wait());
  if (!status.is_success())
    return error(Code::InvalidArgument, "'ps' failed: {}: {}", status.describe(), output);
  return output;
}

Result<std::string> keep_lines_of(const std::string& table, const std::vector<pid_t>& pids) {
  const auto lines = split_words(table, '\n');
  if (lines.empty()) return error(Code::Internal, "'ps' printed nothing");
  const auto titles = split_words(lines[0], ' ');
  const auto title = std::ranges::find(titles, "PID");
  if (title == titles.end()) return error(Code::InvalidArgument, "'ps' printed no column PID");
  const auto column = static_cast<std::size_t>(title - titles.begin());
  std::string kept = fmt::format("{}\n", lines[0]);
  for (const std::string_view line : std::span(lines).subspan(1)) {
    const auto cells = split_words(line, ' ');
    if (column >= cells.size()) continue;
    const pid_t pid = std::atoi(std::string(cells[column]).c_str());
    if (std::ranges::find(pids, pid) != pids.end()) kept += fmt::format("{}\n", line);
  }
  return kept;
}

std::vector<std::string> as_strings(const std::vector<std::string_view>& words) {
  return {words.begin(), words.end()};
}

oci::Features make_features() {
  oci::Features features = oci::known_features();
  features.mount_options = known_mount_options();
  oci::LinuxFeatures& linux_features = features.linux_;
  linux_features.capabilities = kernel::known_capabilities();
  linux_features.cgroup = {.v1 = true, .v2 = true, .systemd = true, .systemd_user = true, .rdma = true};
  linux_features.seccomp.enabled = true;
  linux_features.seccomp.supported_flags = as_strings(supported_seccomp_flags());
  linux_features.apparmor.enabled = true;
  linux_features.selinux.enabled = true;
  linux_features.mount_extensions.idmap.enabled = true;
  linux_features.net_devices.enabled = true;
  return features;
}

}  // namespace

Result<int> state(const Globals& globals, const Arguments& words) {
  const auto operands = TRY(parse({"state", 1, 1}, {}, words));
  const Container container = TRY(Container::open(globals.root, operands[0]));
  json::Writer w(json::Style::Indented);
  write_state(w, container, container.status());
  TRY(print(std::move(w).text() + "\n"));
  return 0;
}

Result<int> list(const Globals& globals, const Arguments& words) {
  std::string format = "table";
  bool quiet = false;
  const Option options[] = {{'f', "format", "FORMAT", &format, "table or json"},
                            {'q', "quiet", "", &quiet, "Only the ids"}};
  TRY(parse({"list", 0, 0}, options, words));
  TRY(check_format(format));
  const std::vector<Container> containers = open_all(globals, TRY(Container::list(globals.root)));
  if (quiet) {
    std::string ids;
    for (const Container& container : containers) ids += container.id() + "\n";
    TRY(print(ids));
  } else if (format == "json") {
    json::Writer w;
    w.begin_array();
    for (const Container& container : containers) write_state(w, container, container.status());
    w.end_array();
    TRY(print(std::move(w).text() + "\n"));
  } else {
    const std::string passwd = read_passwd();
    Table table({"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"});
    for (const Container& container : containers) {
      const Record& record = container.record();
      const oci::State state = container.state(container.status());
      table.add({state.id, std::to_string(state.pid), state.status, state.bundle, record.created,
                 user_name(passwd, record.owner).value_or(fmt::format("#{}", record.owner))});
    }
    TRY(print(table.text()));
  }
  return 0;
}

Result<int> ps(const Globals& globals, const Arguments& words) {
  std::string format = "table";
  const Option options[] = {{'f', "format", "FORMAT", &format, "table or json"}};
  const auto operands = TRY(parse({"ps", 1, SIZE_MAX, Operands::EndTheOptions}, options, words));
  TRY(check_format(format));
  const Container container = TRY(Container::open(globals.root, operands[0]));
  const std::vector<pid_t> pids = TRY(processes_of(container));
  if (format == "json") {
    json::Writer w;
    w.begin_array();
    for (const pid_t pid : pids) w.value(pid);
    w.end_array();
    TRY(print(std::move(w).text() + "\n"));
    return 0;
  }
  const std::string table = TRY(run_ps({operands.begin() + 1, operands.end()}));
  TRY(print(TRY(keep_lines_of(table, pids))));
  return 0;
}

Result<int> spec(const Globals&, const Arguments& words) {
  std::string bundle = ".";
  bool rootless = false;
  const Option options[] = {
      {'b', "bundle", "DIR", &bundle, "Where to write it (default: the working directory)"},
      {0, "rootless", "", &rootless, "For a user without privileges"}};
  TRY(parse({"spec", 0, 0}, options, words));
  const oci::Spec made =
      rootless ? oci::default_rootless_spec(::geteuid(), ::getegid()) : oci::default_spec();
  const std::string path = bundle + "/config.json";
  UniqueFd file = TRY(open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0666));
  TRY(write_all(file.get(), oci::to_json(made, json::Style::Indented) + "\n", path));
  return 0;
}

Result<int> features(const Globals&, const Arguments& words) {
  TRY(parse({"features", 0, 0}, {}, words));
  TRY(print(oci::to_json(make_features()) + "\n"));
  return 0;
}

}  // namespace gantry::runtime::cli
