// SPDX-License-Identifier: Apache-2.0
#include "container/exec_process.h"

#include <algorithm>

#include "container/isolation.h"
#include "container/merge_image.h"

namespace gantry::container {
namespace {

constexpr const char* kTerminalType = "TERM=xterm";

// Docker gives TERM to what has a terminal, whatever the container's first process has.
std::vector<std::string> environment_of(const oci::Process& container, const ExecRequest& request) {
  std::vector<std::string> environment = container.env;
  if (container.terminal && !request.tty) std::erase(environment, kTerminalType);
  const bool has_type = std::ranges::any_of(
      environment, [](const std::string& variable) { return variable.starts_with("TERM="); });
  if (request.tty && !has_type) environment.emplace_back(kTerminalType);
  return merge_environment(std::move(environment), request.env);
}

}  // namespace

Result<oci::Process> make_exec_process(const oci::Process& container, const ExecRequest& request,
                                       const kernel::RootDir& root) {
  if (request.cmd.empty()) return error(Code::InvalidArgument, "No exec command specified");
  oci::Process process = container;
  process.terminal = request.tty;
  process.console_size.reset();
  if (request.tty && request.console_size.size() == 2)
    process.console_size =
        oci::ConsoleSize{.height = request.console_size[0], .width = request.console_size[1]};
  process.args = request.cmd;
  process.env = environment_of(container, request);
  if (!request.working_dir.empty()) process.cwd = request.working_dir;
  if (!request.user.empty()) {
    const ContainerUser user = TRY(find_user(root, request.user));
    process.user = {.uid = user.uid, .gid = user.gid, .additional_gids = user.additional_gids};
  }
  // What the container may at most, root gets and another user may regain by a set-uid program.
  const oci::Capabilities held = container.capabilities.value_or(oci::Capabilities{});
  process.capabilities = capability_sets(held.bounding, process.user.uid == 0);
  if (request.privileged) {
    process.capabilities = capability_sets(available_capabilities(), true);
    process.apparmor_profile.clear();
    process.selinux_label.clear();
  }
  TRY(oci::validate(process));
  return process;
}

}  // namespace gantry::container
