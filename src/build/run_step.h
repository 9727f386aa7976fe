// SPDX-License-Identifier: Apache-2.0
//
// Runs a command of a RUN in a container on a step's file system, isolated as every container is.
//
// The thread that does it has a mount namespace of its own: the root, the bundle, secrets and other mounts
// exist only there, and vanish with it, also when the whole process is killed.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/process.h"
#include "build/builder.h"
#include "build/cancel.h"
#include "build/progress.h"
#include "build/run_mounts.h"
#include "build/session.h"
#include "build/step_root.h"
#include "container/settings.h"

namespace gantry::build {

enum class RunNetworkMode : std::uint8_t { Default, None, Host };

struct RunCommand {
  std::vector<std::string> words;
  std::vector<std::string> environment;
  std::string working_directory;
  std::string user;  // as in the config
  RunNetworkMode network = RunNetworkMode::Default;
  std::string network_name;  // of Default: as docker build --network has it; empty: the default
  bool is_insecure = false;
  // A file of a here-document that is itself the program ("#!..."): its name in kScriptDirectory.
  std::string script_name, script;
  std::vector<RunMountPlan> mounts;
};
// Where a here-document that begins with "#!" is put, read-only.
inline constexpr const char* kScriptDirectory = "/dev/pipes";

struct RunSettings {
  const std::string& runtime;           // path of gantry-runtime
  const std::string& cgroup_parent;     // where the request names none
  RunNetworks* networks = nullptr;      // null: the host's network
  const container::HostConfig& limits;  // of BuildRequest
  const kernel::IdMaps& id_maps;        // of BuilderOptions
  MountMaterial material;
};

// How the command ended. What it writes goes to `on_output`, from this thread. Conflict when cancelled;
// otherwise an error is one of making the container.
Result<WaitStatus> run_command(const Session& session, StepRoot& root, const RunCommand& command,
                               const RunSettings& settings, Cancel& cancel,
                               const std::function<void(LogStream, std::string_view)>& on_output);

}  // namespace gantry::build
