// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime_program.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "engine/container_paths.h"

namespace gantry::engine {

namespace {

Result<UniqueFd> make_memory_file(const char* name) {
  UniqueFd file(::memfd_create(name, MFD_CLOEXEC));
  if (!file) return sys_error("make a memory file");
  return file;
}

Result<std::string> contents_of(const UniqueFd& file) {
  if (::lseek(file.get(), 0, SEEK_SET) < 0) return sys_error("rewind a memory file");
  return read_all(file.get(), "the runtime's output");
}

// The message of the last entry of a log in JSON, which is how runtimes say why they failed.
std::string last_message(std::string_view log) {
  while (log.ends_with('\n')) log.remove_suffix(1);
  const std::size_t newline = log.rfind('\n');
  const auto entry = json::Document::parse(std::string(newline == log.npos ? log : log.substr(newline + 1)));
  if (!entry) return {};
  const auto message = entry->root().find("msg");
  return message ? std::string(message->as_string()) : std::string();
}

// What it printed.
Result<std::string> call(Core& core, const ContainerRecord& container, std::vector<std::string> arguments,
                         int input = kDevNull) {
  const std::string program = TRY(runtime_of(core.options, container.settings->host_config.runtime));
  const UniqueFd output = TRY(make_memory_file("out"));
  const UniqueFd log = TRY(make_memory_file("log"));
  std::vector<std::string> words = {program,
                                    "--root",
                                    runtime_root(core.options),
                                    "--log-format",
                                    "json",
                                    "--log",
                                    fmt::format("/proc/self/fd/{}", log.get())};
  if (core.options.systemd_cgroup) words.emplace_back("--systemd-cgroup");
  for (std::string& argument : arguments) words.push_back(std::move(argument));
  auto child = TRY(spawn({.program = program,
                          .arguments = std::move(words),
                          .in = input,
                          .out = output.get(),
                          .err = kDevNull,
                          .passed_fds = {log.get()}}));
  const WaitStatus status = TRY(child.wait());
  if (status.is_success()) return contents_of(output);
  std::string why = last_message(TRY(contents_of(log)));
  return error(Code::Internal, "{}", why.empty() ? "the runtime ended with " + status.describe() : why);
}

}  // namespace

Result<std::string> runtime_of(const EngineOptions& options, const std::string& name) {
  if (const auto found = options.runtimes.find(name); found != options.runtimes.end()) return found->second;
  // Settings that were made for Docker name its runtime; ours takes its place.
  for (const std::string_view ours : {"", "gantry-runtime", "runc", "io.containerd.runc.v2"})
    if (name == ours) return options.runtime;
  if (name == options.defaults.runtime) return options.runtime;
  return error(Code::InvalidArgument, "unknown or invalid runtime name: {}", name);
}

Result<void> pause_processes(Core& core, const ContainerRecord& container) {
  TRY(call(core, container, {"pause", container.id}));
  return {};
}

Result<void> resume_processes(Core& core, const ContainerRecord& container) {
  auto resumed = call(core, container, {"resume", container.id});
  if (resumed) return {};
  // An engine that was killed had resumed it, or was about to freeze it.
  const auto status = runtime_status(core, container);
  if (status && *status == "running") return {};
  return std::move(resumed).error();
}

Result<void> update_limits(Core& core, const ContainerRecord& container, const oci::Resources& resources) {
  const UniqueFd input = TRY(make_memory_file("resources"));
  TRY(write_all(input.get(), oci::to_json(resources), "the new limits"));
  if (::lseek(input.get(), 0, SEEK_SET) < 0) return sys_error("rewind a memory file");
  TRY(call(core, container, {"update", "--resources", "-", container.id}, input.get()));
  return {};
}

Result<std::string> runtime_status(Core& core, const ContainerRecord& container) {
  struct stat found{};
  const std::string directory = runtime_root(core.options) + "/" + container.id;
  if (::stat(directory.c_str(), &found) < 0) return sys_error("look for '{}'", directory);
  const auto document = TRY(json::Document::parse(TRY(call(core, container, {"state", container.id}))));
  const auto status = document.root().find("status");
  if (!status) return error(Code::DataLoss, "the runtime's state of '{}' has no status", container.id);
  return std::string(status->as_string());
}

void force_delete(Core& core, const ContainerRecord& container) {
  // The runtime makes this directory before anything else.
  const std::string state = runtime_root(core.options) + "/" + container.id;
  if (::access(state.c_str(), F_OK) < 0) return;
  if (const auto deleted = call(core, container, {"delete", "--force", container.id}); !deleted)
    core.log.warn("the runtime could not delete a container",
                  {{"container", container.id}, {"error", deleted.error().message()}});
}

}  // namespace gantry::engine
