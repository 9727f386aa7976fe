// SPDX-License-Identifier: Apache-2.0
//
// The client's ssh agent as a socket of this host: what connects to it speaks to the agent through the
// session.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "build/agent_listener.h"
#include "buildkit/session.h"

namespace gantry::buildkit {

// Listens at `path`. NotFound when the client has no agent of that id.
Result<std::unique_ptr<build::AgentListener>> forward_agent(std::shared_ptr<Session> session,
                                                            const std::string& id, std::string path);

}  // namespace gantry::buildkit
