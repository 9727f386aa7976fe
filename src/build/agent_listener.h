// SPDX-License-Identifier: Apache-2.0
//
// A socket that stands for an ssh agent which is somewhere else: of a client, or of this host under another
// owner. Every connection is served by a thread of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::build {

class AgentListener {
 public:
  struct Access {
    std::uint32_t uid = 0, gid = 0;
    mode_t mode = 0600;
  };
  // Gets the socket of whoever has connected; returns when either side has ended.
  using Serve = std::function<void(int socket)>;

  // Listens at `path`, which is removed at the end.
  static Result<std::unique_ptr<AgentListener>> open(std::string path, const Access& access, Serve serve);
  AgentListener(const AgentListener&) = delete;
  AgentListener& operator=(const AgentListener&) = delete;
  // Ends all connections.
  ~AgentListener();

  const std::string& path() const { return path_; }

 private:
  struct Connection {
    UniqueFd socket;
    std::thread thread;
  };

  AgentListener(std::string path, UniqueFd listener, UniqueFd stop, Serve serve);
  void accept_all();

  const std::string path_;
  const UniqueFd listener_;
  const UniqueFd stop_;
  const Serve serve_;
  std::list<Connection> connections_;  // of the acceptor, and of the destructor when that has ended
  std::thread acceptor_;
};

// A Serve: hands everything on to the agent at `path`, and back.
AgentListener::Serve relay_to_agent(std::string path);

}  // namespace gantry::build
