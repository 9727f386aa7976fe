// SPDX-License-Identifier: Apache-2.0
//
// The client's ssh agent as a socket of this host: what connects to it speaks to the agent through the
// session.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "buildkit/session.h"

namespace gantry::buildkit {

class SshForward {
 public:
  // Listens at `path`, which is removed at the end. NotFound when the client has no agent of that id.
  static Result<std::unique_ptr<SshForward>> open(std::shared_ptr<Session> session, const std::string& id,
                                                  std::string path);
  // Ends all connections.
  ~SshForward();
  const std::string& path() const;

 private:
  struct State;
  explicit SshForward(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace gantry::buildkit
