// SPDX-License-Identifier: Apache-2.0
//
// create, run, start.
#include "runtime/create.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cstdlib>

#include "kernel/pty.h"
#include "runtime/cli/command.h"
#include "runtime/cli/descriptors.h"
#include "runtime/cli/notify_socket.h"
#include "runtime/foreground.h"
#include "runtime/lifecycle.h"

namespace gantry::runtime::cli {
namespace {

struct CreateArguments {
  std::string bundle = ".";
  std::string console_socket;
  std::string pid_file;
  bool no_pivot = false;
  bool no_new_keyring = false;
  bool no_subreaper = false;
  bool detach = false;
  bool keep = false;
  int preserve_fds = 0;

  std::vector<Option> table(bool for_run) {
    std::vector<Option> options = {
        {'b', "bundle", "DIR", &bundle, "Where config.json is (default: the working directory)"},
        {0, "console-socket", "PATH", &console_socket, "Unix socket that receives the terminal's master"},
        {0, "pid-file", "FILE", &pid_file, "Write the pid of the first process there"},
        {0, "no-pivot", "", &no_pivot, "Move the root instead of pivoting, for a root on a ramdisk"},
        {0, "no-new-keyring", "", &no_new_keyring, "Keep the caller's session keyring"},
        {0, "preserve-fds", "N", &preserve_fds, "Pass descriptors 3 to 2+N on"}};
    if (!for_run) return options;
    options.push_back({'d', "detach", "", &detach, "Return when the program runs"});
    options.push_back({0, "keep", "", &keep, "Do not delete the container when it has ended"});
    options.push_back({0, "no-subreaper", "", &no_subreaper, "Accepted for compatibility"});
    return options;
  }
};

Result<CreateOptions> as_options(const Globals& globals, const std::string& id,
                                 const CreateArguments& arguments) {
  CreateOptions options{.root = globals.root,
                        .id = id,
                        .bundle = arguments.bundle,
                        .pid_file = arguments.pid_file,
                        .no_pivot = arguments.no_pivot,
                        .new_keyring = !arguments.no_new_keyring,
                        .systemd_cgroup = globals.systemd_cgroup};
  options.preserve_fds = TRY(count_preserved(arguments.preserve_fds));
  if (!arguments.console_socket.empty())
    options.console_socket =
        TRY_DURING(kernel::connect_unix(arguments.console_socket, SOCK_STREAM), "--console-socket");
  return options;
}

// A terminal's master has to go somewhere.
Result<void> check_terminal(const oci::Spec& spec, bool detached, const std::string& console_socket) {
  const bool wants_terminal = spec.process && spec.process->terminal;
  if (wants_terminal && detached && console_socket.empty())
    return error(Code::InvalidArgument, "process.terminal: a detached container needs --console-socket");
  if (!console_socket.empty() && !(wants_terminal && detached))
    return error(Code::InvalidArgument,
                 "--console-socket is only for detached containers with process.terminal");
  return {};
}

Result<int> run_detached(CreateOptions options, const std::string& text, oci::Spec spec,
                         const Globals& globals) {
  options.wait_for_start = false;
  const std::string id = options.id;
  CreatedContainer created = TRY(create_container(std::move(options), text, std::move(spec), globals.log));
  auto started = created.init.wait_for_end();
  if (started) started = run_poststart_hooks(created.container);
  if (started) return 0;
  (void)delete_container(globals.root, id, true, globals.log);  // the first error is the one to report
  return std::move(started).error();
}

Result<int> run_in_foreground(CreateOptions options, const std::string& text, oci::Spec spec, bool keep,
                              const Globals& globals) {
  options.wait_for_start = false;
  const std::string id = options.id;
  Foreground foreground = TRY(Foreground::begin());
  if (spec.process && spec.process->terminal)
    options.console_socket = TRY(foreground.make_console_socket(*spec.process));
  CreatedContainer created = TRY(create_container(std::move(options), text, std::move(spec), globals.log));
  auto ended = [&]() -> Result<int> {
    TRY(created.init.wait_for_end());
    TRY(run_poststart_hooks(created.container));
    return foreground.wait_for(created.container.record().init.pid);
  }();
  if (keep && ended) return *ended;
  auto deleted = delete_container(globals.root, id, true, globals.log);
  if (!ended) return ended;
  TRY(std::move(deleted));
  return *ended;
}

}  // namespace

Result<int> create(const Globals& globals, const Arguments& words) {
  CreateArguments arguments;
  const auto operands = TRY(parse({"create", 1, 1}, arguments.table(false), words));
  auto [text, spec] = TRY(load_bundle(arguments.bundle));
  TRY(check_terminal(spec, true, arguments.console_socket));
  CreateOptions options = TRY(as_options(globals, operands[0], arguments));
  if (spec.process) announce_listen_fds(*spec.process);
  offer_notify_socket(spec);
  TRY(create_container(std::move(options), text, std::move(spec), globals.log));
  return 0;
}

Result<int> run(const Globals& globals, const Arguments& words) {
  CreateArguments arguments;
  const auto operands = TRY(parse({"run", 1, 1}, arguments.table(true), words));
  auto [text, spec] = TRY(load_bundle(arguments.bundle));
  TRY(check_terminal(spec, arguments.detach, arguments.console_socket));
  CreateOptions options = TRY(as_options(globals, operands[0], arguments));
  if (spec.process) announce_listen_fds(*spec.process);
  offer_notify_socket(spec);
  if (arguments.detach) return run_detached(std::move(options), text, std::move(spec), globals);
  return run_in_foreground(std::move(options), text, std::move(spec), arguments.keep, globals);
}

Result<int> start(const Globals& globals, const Arguments& words) {
  const auto operands = TRY(parse({"start", 1, 1}, {}, words));
  TRY(start_container(TRY(Container::open(globals.root, operands[0]))));
  return 0;
}

}  // namespace gantry::runtime::cli
