// SPDX-License-Identifier: Apache-2.0
#include "runtime/exec.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "kernel/pty.h"
#include "runtime/cli/command.h"
#include "runtime/cli/descriptors.h"
#include "runtime/foreground.h"

namespace gantry::runtime::cli {
namespace {

struct ExecArguments {
  std::string process_file;
  std::string console_socket;
  std::string pid_file;
  std::string cwd;
  std::string user;
  std::string apparmor;
  std::string process_label;
  std::vector<std::string> sub_cgroups;
  std::vector<std::string> env;
  std::vector<std::string> capabilities;
  std::vector<std::string> additional_gids;
  int preserve_fds = 0;
  bool tty = false;
  bool detach = false;
  bool no_new_privileges = false;
  bool ignore_paused = false;
  bool no_subreaper = false;

  std::vector<Option> table() {
    return {{'p', "process", "FILE", &process_file, "The process as JSON (\"process\" of config.json)"},
            {0, "console-socket", "PATH", &console_socket, "Unix socket that receives the terminal's master"},
            {0, "cwd", "DIR", &cwd, "Working directory in the container"},
            {'e', "env", "NAME=VALUE", &env, "Set a variable"},
            {'t', "tty", "", &tty, "Give it a terminal"},
            {'u', "user", "UID[:GID]", &user, "Run as that user"},
            {'g', "additional-gids", "GID", &additional_gids, "One more group"},
            {'d', "detach", "", &detach, "Return when the program runs"},
            {0, "pid-file", "FILE", &pid_file, "Write the pid there"},
            {0, "process-label", "LABEL", &process_label, "SELinux label"},
            {0, "apparmor", "PROFILE", &apparmor, "AppArmor profile"},
            {0, "no-new-privs", "", &no_new_privileges, "Keep the process from gaining privileges"},
            {'c', "cap", "CAPABILITY", &capabilities, "One more capability"},
            {0, "preserve-fds", "N", &preserve_fds, "Pass descriptors 3 to 2+N on"},
            {0, "ignore-paused", "", &ignore_paused, "Also into a paused container"},
            {0, "cgroup", "[CTRL,..:]PATH", &sub_cgroups, "Run in that group below the container's"},
            {0, "no-subreaper", "", &no_subreaper, "Accepted for compatibility"}};
  }
};

Result<std::uint32_t> parse_id(std::string_view text, std::string_view option) {
  std::uint32_t id = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size())
    return error(Code::InvalidArgument, "option '{}': '{}' is not a numeric id", option, text);
  return id;
}

void add_capabilities(oci::Process& process, const std::vector<std::string>& names) {
  if (names.empty()) return;
  if (!process.capabilities) process.capabilities.emplace();
  oci::Capabilities& sets = *process.capabilities;
  for (auto* set : {&sets.bounding, &sets.effective, &sets.permitted, &sets.ambient, &sets.inheritable}) {
    // Inheritable ones are only needed for ambient ones; a user who is not root has no others.
    for (const std::string& name : names)
      if (std::ranges::find(*set, name) == set->end()) set->push_back(name);
  }
}

Result<oci::Process> make_process(const oci::Spec& spec, const ExecArguments& arguments,
                                  std::span<const std::string> command) {
  if (!arguments.process_file.empty()) return oci::parse_process(TRY(read_file(arguments.process_file)));
  if (command.empty()) return error(Code::InvalidArgument, "exec: either --process or a command is needed");
  oci::Process process = *spec.process;
  process.args.assign(command.begin(), command.end());
  process.terminal = arguments.tty;
  process.console_size.reset();
  process.env.insert(process.env.end(), arguments.env.begin(), arguments.env.end());
  if (!arguments.cwd.empty()) process.cwd = arguments.cwd;
  if (!arguments.apparmor.empty()) process.apparmor_profile = arguments.apparmor;
  if (!arguments.process_label.empty()) process.selinux_label = arguments.process_label;
  if (arguments.no_new_privileges) process.no_new_privileges = true;
  if (!arguments.user.empty()) {
    const std::string_view user = arguments.user;
    const std::size_t colon = user.find(':');
    process.user.uid = TRY(parse_id(user.substr(0, colon), "--user"));
    if (colon != std::string_view::npos) process.user.gid = TRY(parse_id(user.substr(colon + 1), "--user"));
  }
  for (const std::string& gid : arguments.additional_gids)
    process.user.additional_gids.push_back(TRY(parse_id(gid, "--additional-gids")));
  add_capabilities(process, arguments.capabilities);
  TRY(oci::validate(process));
  return process;
}

}  // namespace

Result<int> exec(const Globals& globals, const Arguments& words) {
  ExecArguments arguments;
  const auto operands = TRY(parse({"exec", 1, SIZE_MAX, Operands::EndTheOptions}, arguments.table(), words));
  const Container container = TRY(Container::open(globals.root, operands[0]));
  const oci::Spec spec = TRY(container.load_spec());
  oci::Process process = TRY(make_process(spec, arguments, std::span(operands).subspan(1)));
  if (process.terminal && arguments.detach && arguments.console_socket.empty())
    return error(Code::InvalidArgument, "exec: a detached process with a terminal needs --console-socket");
  if (!arguments.console_socket.empty() && !process.terminal)
    return error(Code::InvalidArgument, "exec: --console-socket is only for a process with a terminal");

  ExecOptions options{.pid_file = arguments.pid_file,
                      .sub_cgroups = arguments.sub_cgroups,
                      .ignore_paused = arguments.ignore_paused};
  options.preserve_fds = TRY(count_preserved(arguments.preserve_fds));
  if (!arguments.console_socket.empty())
    options.console_socket =
        TRY_DURING(kernel::connect_unix(arguments.console_socket, SOCK_STREAM), "--console-socket");
  if (arguments.detach) {
    TRY(exec_in_container(container, process, spec, std::move(options), globals.log));
    return 0;
  }
  Foreground foreground = TRY(Foreground::begin());
  if (process.terminal && !options.console_socket)
    options.console_socket = TRY(foreground.make_console_socket(process));
  const pid_t pid = TRY(exec_in_container(container, process, spec, std::move(options), globals.log));
  // Memory that was shared with a child is not given back piece by piece: that would copy it page by page.
  ::_exit(TRY(foreground.wait_for(pid)));
}

}  // namespace gantry::runtime::cli
