// SPDX-License-Identifier: Apache-2.0
//
// RUN of stage_runner.h.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "build/config_steps.h"
#include "build/shown_text.h"
#include "build/stage_runner.h"
#include "dockerfile/here_document.h"

namespace gantry::build {

using oci::Digest;

namespace {

constexpr std::size_t kShownCommand = 200;  // bytes

std::string command_text(const std::vector<std::string>& words) {
  return shown_text(fmt::format("{}", fmt::join(words, " ")), kShownCommand);
}

// A file's name, whatever a here-document is called.
std::string script_name(const std::string& document) {
  const bool is_plain =
      !document.empty() && document.front() != '.' &&
      std::ranges::none_of(document, [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20; });
  return is_plain ? document : "script";
}

}  // namespace

// A here-document that is all of the command is the script itself; in a longer one the shell sees it where it
// stands.
Result<RunCommand> StageRunner::command_of(const dockerfile::Run& step) {
  RunCommand command{.words = command_words(step.command, state_),
                     .environment = state_.arguments.run_environment(state_.image.config.env),
                     .working_directory = state_.image.config.working_dir,
                     .user = state_.image.config.user};
  if (command.working_directory.empty()) command.working_directory = "/";
  if (step.documents.empty()) return command;
  std::string& text = command.words.back();
  if (step.documents.size() == 1 && dockerfile::here_mark(text, context_.file.directives.escape)) {
    const dockerfile::HereDocument& document = step.documents.front();
    if (document.content.starts_with("#!")) {
      command.script_name = script_name(document.name);
      command.script = document.content;
      command.words = {fmt::format("{}/{}", kScriptDirectory, command.script_name)};
    } else {
      text = document.content;
    }
    return command;
  }
  for (const dockerfile::HereDocument& document : step.documents) text.append("\n").append(document.verbatim);
  return command;
}

Result<void> StageRunner::add_mounts(const dockerfile::Run& step, RunCommand& command) {
  const MountContext mount_context{
      .working_directory = command.working_directory,
      .expand = [this](const dockerfile::Word& word) { return expand(word); },
      .find_source =
          [this](const std::string& from) { return context_.find_source(from, plan_.stage->index); },
      .hashes = context_.hashes,
      .cancel = context_.cancel};
  for (const dockerfile::RunMount& mount : step.mounts)
    command.mounts.push_back(TRY_DURING(plan_mount(mount, mount_context), "--mount"));
  return {};
}

Result<void> StageRunner::run(const dockerfile::Instruction& instruction, const dockerfile::Run& step,
                              Telling& telling) {
  RunCommand command = TRY(command_of(step));
  TRY(add_mounts(step, command));
  const BuildRequest& request = context_.request;
  command.is_insecure = step.security == dockerfile::RunSecurity::Insecure;
  if (command.is_insecure && !request.may_be_insecure)
    return error(Code::PermissionDenied, "--security=insecure was not allowed by who builds");
  const bool is_none = step.network == dockerfile::RunNetwork::None || request.network == "none";
  const bool is_host = step.network == dockerfile::RunNetwork::Host || request.network == "host";
  if (step.network == dockerfile::RunNetwork::Host && request.network != "host" &&
      !request.may_use_host_network)
    return error(Code::PermissionDenied, "--network=host was not allowed by who builds");
  command.network = is_none ? RunNetworkMode::None : is_host ? RunNetworkMode::Host : RunNetworkMode::Default;
  command.network_name = request.network == "default" ? "" : request.network;

  KeyHasher key = new_key("run");
  key.digest(state_.chain).texts(command.words).texts(command.environment);
  key.text(command.working_directory).text(command.user).number(static_cast<std::uint64_t>(command.network));
  key.number(command.is_insecure).text(command.script).texts(request.host_config.extra_hosts);
  key.number(command.mounts.size());
  for (const RunMountPlan& mount : command.mounts) mount.add_to_key(key);

  // Behind the key: through which proxy something was fetched changes nothing.
  for (const auto& [name, value] : context_.globals.proxies())
    if (!find_variable(command.environment, name)) command.environment.push_back(name + "=" + value);
  const std::string history = "RUN " + command_text(command.words);
  return add_layer(instruction, history, key.finish(), telling,
                   [&] { return run_in_container(command, telling); });
}

Result<NewLayer> StageRunner::run_in_container(const RunCommand& command, Telling& telling) {
  const Slots::Slot slot = context_.run_slots.take();
  TRY(context_.cancel.check());
  StepRoot root = TRY(StepRoot::open(context_.session, state_.top(), context_.options.id_maps));
  const BuildRequest& request = context_.request;
  const RunSettings settings{.runtime = context_.options.runtime,
                             .cgroup_parent = context_.options.cgroup_parent,
                             .networks = context_.options.networks,
                             .limits = request.host_config,
                             .id_maps = context_.options.id_maps,
                             .material = {.secrets = request.secrets,
                                          .ssh = request.ssh,
                                          .find_secret = request.find_secret,
                                          .find_agent = request.find_agent,
                                          .root = context_.options.root,
                                          .id_maps = context_.options.id_maps}};
  const auto on_output = [&telling](LogStream stream, std::string_view text) {
    telling.sink().on_log(telling.id(), stream, text);
  };
  Result<WaitStatus> ended =
      run_command(context_.session, root, command, settings, context_.cancel, on_output);
  TRY(context_.cancel.check());  // the runtime may have been told to stop before us
  const WaitStatus status = TRY(std::move(ended));
  if (!status.is_success())
    return error(Code::Internal, "process '{}' did not complete successfully: exit code: {}",
                 command_text(command.words), status.as_shell_status());
  return root.commit(commit_options());
}

}  // namespace gantry::build
