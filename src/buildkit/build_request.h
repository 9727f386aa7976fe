// SPDX-License-Identifier: Apache-2.0
//
// From what a client says (attributes of the front end "dockerfile.v0", and a session to ask) to a build.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/builder.h"
#include "buildkit/build_job.h"
#include "buildkit/session.h"
#include "buildkit/ssh_forward.h"

namespace gantry::buildkit {

// A request, and what it borrows.
struct PreparedBuild {
  build::BuildRequest request;
  std::shared_ptr<Session> session;    // may be null: a remote context needs none
  std::unique_ptr<ByteSource> upload;  // of a context that is uploaded
  // Agents that were asked for, by id; guarded by the builder's own order: one thread asks at a time.
  std::shared_ptr<std::map<std::string, std::unique_ptr<build::AgentListener>>> agents;
};

struct BuildPlaces {
  std::string kept;              // contexts are kept below it
  std::string run;               // sockets of agents
  ByteSource* upload = nullptr;  // the context as a tar; null: the attributes say where it is
  std::map<std::string, std::shared_ptr<const build::BuiltStage>> inputs;  // what contexts "input:NAME" are
};

// InvalidArgument and Unsupported name the attribute.
Result<PreparedBuild> prepare_build(const StringMap& attributes, const SolveOrder& order,
                                    std::shared_ptr<Session> session, const BuildPlaces& places);

}  // namespace gantry::buildkit
