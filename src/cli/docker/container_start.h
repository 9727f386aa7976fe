// SPDX-License-Identifier: Apache-2.0
//
// Steps that `run`, `create`, `start` and `attach` share: creating a container, being at its streams while it
// runs, and knowing how it ended.
#pragma once

#include <string>
#include <vector>

#include "cli/docker/container_options.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/session.h"

namespace gantry::cli::docker {

// The exit status where the daemon could not start the command: 127 if there is no such command, 126 if it
// cannot be executed, else 125 (docker run's).
int status_of_failed_start(const Error& error);

// Pulls the image where the options want that. The id. Warnings go to standard error.
Result<std::string> create_container(EngineClient& engine, const ContainerOptions& options,
                                     const CreateBody& request);

// The answer of POST .../wait, which is asked for before the container starts, so that no end is missed.
class ExitWaiter {
 public:
  // `condition`: "next-exit", "removed" or "not-running".
  static Result<ExitWaiter> ask(EngineClient& engine, const std::string& id, const std::string& condition);
  // Waits for the end; the exit status.
  Result<int> wait();

 private:
  explicit ExitWaiter(http::ClientResponse response) : response_(std::move(response)) {}
  http::ClientResponse response_;
};

struct AttachOptions {
  bool tty = false;
  bool stdin = false, stdout = true, stderr = true;
  bool passes_signals = true;
  bool redraws = false;  // what runs on the terminal for long already is to show itself
  std::string detach_keys;
};

// At the streams of a container's first process.
class AttachedContainer {
 public:
  static Result<AttachedContainer> attach(EngineClient& engine, std::string id, const AttachOptions& options);
  // Until it ends, or the user has left.
  Result<SessionEnd> run() { return session_.run(std::move(stream_)); }

 private:
  AttachedContainer(Session session, http::Stream stream)
      : session_(std::move(session)), stream_(std::move(stream)) {}
  Session session_;
  http::Stream stream_;
};

// What the user is told when he has left with the detach keys.
void say_detached();

}  // namespace gantry::cli::docker
