// SPDX-License-Identifier: Apache-2.0
//
// checkpoint, restore.
#include "runtime/checkpoint.h"

#include "runtime/cli/command.h"
#include "runtime/create.h"
#include "runtime/foreground.h"
#include "runtime/lifecycle.h"

namespace gantry::runtime::cli {
namespace {

constexpr const char* kDefaultImages = "checkpoint";  // in the working directory, as runc has it

void add_common(std::vector<Option>& table, CriuOptions& options) {
  options.image_path = kDefaultImages;
  const Option rows[] = {
      {0, "image-path", "DIR", &options.image_path, "Where the images are (default: ./checkpoint)"},
      {0, "work-path", "DIR", &options.work_path, "Where CRIU writes its log (default: with the images)"},
      {0, "tcp-established", "", &options.tcp_established, "With open TCP connections"},
      {0, "ext-unix-sk", "", &options.ext_unix_sk, "With unix sockets that lead out of the container"},
      {0, "shell-job", "", &options.shell_job, "With a terminal that is not the container's"},
      {0, "lazy-pages", "", &options.lazy_pages, "Memory follows when it is asked for"},
      {0, "file-locks", "", &options.file_locks, "With file locks"},
      {0, "manage-cgroups-mode", "MODE", &options.manage_cgroups_mode, "soft, full, strict or ignore"},
      {0, "empty-ns", "NAMESPACE", &options.empty_ns, "Make it, but leave what is in it alone: network"},
      {0, "auto-dedup", "", &options.auto_dedup, "Do not keep memory pages twice"}};
  table.insert(table.end(), std::begin(rows), std::end(rows));
}

struct CheckpointArguments {
  CheckpointOptions options;
  std::optional<std::int64_t> status_fd;

  std::vector<Option> table() {
    std::vector<Option> table = {
        {0, "parent-path", "DIR", &options.parent_path, "Images of an earlier --pre-dump, relative to these"},
        {0, "leave-running", "", &options.leave_running, "Let the container go on"},
        {0, "tcp-skip-in-flight", "", &options.tcp_skip_in_flight,
         "Leave TCP connections out that are not open yet"},
        {0, "link-remap", "", &options.link_remap, "Give files without a name one for the while"},
        {0, "page-server", "ADDRESS:PORT", &options.page_server, "Send memory there"},
        {0, "status-fd", "FD", &status_fd, "Tell there when lazy pages can be asked for"},
        {0, "pre-dump", "", &options.pre_dump,
         "Only memory, ahead of the checkpoint; the container goes on"}};
    add_common(table, options);
    return table;
  }
};

struct RestoreArguments {
  RestoreOptions options;
  std::string console_socket;
  bool detach = false;
  bool no_subreaper = false;
  bool no_pivot = false;

  std::vector<Option> table() {
    std::vector<Option> table = {
        {'b', "bundle", "DIR", &options.bundle, "Where config.json is (default: the working directory)"},
        {0, "pid-file", "FILE", &options.pid_file, "Write the pid of the first process there"},
        {0, "console-socket", "PATH", &console_socket, "Unix socket that receives the terminal's master"},
        {'d', "detach", "", &detach, "Return when the container runs"},
        {0, "no-subreaper", "", &no_subreaper, "Accepted for compatibility"},
        {0, "no-pivot", "", &no_pivot, "Accepted for compatibility: CRIU changes the root as it can"},
        {0, "lsm-profile", "TYPE:NAME", &options.lsm_profile,
         "Another profile of AppArmor or label of SELinux"},
        {0, "lsm-mount-context", "LABEL", &options.lsm_mount_context, "Another SELinux context for mounts"}};
    add_common(table, options);
    return table;
  }
};

}  // namespace

Result<int> checkpoint(const Globals& globals, const Arguments& words) {
  CheckpointArguments arguments;
  const auto operands = TRY(parse({"checkpoint", 1, 1}, arguments.table(), words));
  CheckpointOptions& options = arguments.options;
  options.program = globals.criu;
  if (arguments.status_fd) options.status_fd = static_cast<int>(*arguments.status_fd);
  Container container = TRY(Container::open(globals.root, operands[0]));
  TRY(checkpoint_container(container, options));
  return 0;
}

Result<int> restore(const Globals& globals, const Arguments& words) {
  RestoreArguments arguments;
  const auto operands = TRY(parse({"restore", 1, 1}, arguments.table(), words));
  RestoreOptions& options = arguments.options;
  options.program = globals.criu;
  options.root = globals.root;
  options.id = operands[0];
  options.systemd_cgroup = globals.systemd_cgroup;
  const auto [text, spec] = TRY(load_bundle(options.bundle));
  if (!arguments.console_socket.empty() && !(spec.process && spec.process->terminal))
    return error(Code::InvalidArgument, "--console-socket is only for containers with process.terminal");
  if (arguments.detach) {
    TRY(restore_container(options, text, spec, globals.log));
    return 0;
  }
  Foreground foreground = TRY(Foreground::begin());
  const Container container = TRY(restore_container(options, text, spec, globals.log));
  auto ended = foreground.wait_for(container.record().init.pid);
  TRY(delete_container(globals.root, options.id, true, globals.log));
  return ended;
}

}  // namespace gantry::runtime::cli
