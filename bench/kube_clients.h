// SPDX-License-Identifier: Apache-2.0
//
// Clients that each send a request as soon as their last one is answered. One thread drives them all: a
// thread for each costs two or three times as much, which the server on the same processors does not get.
//
//   Clients clients(server, 16);
//   const Figures figures = clients.ask_all(requests);
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "kube_line.h"

namespace gantry::bench {

struct Figures {
  std::vector<double> milliseconds = {};  // each, in the order in which they were answered
  double seconds = 0;                     // all
  double server_seconds = 0;              // processor time
  double client_seconds = 0;              // processor time
};

// What goes wrong ends the program.
class Clients {
 public:
  // Connections of their own.
  Clients(const Server& server, int count);
  ~Clients();

  // All of them, as they go over the wire, each by the client that is free first. `answered` is called with a
  // request's place and its answer's body.
  Figures ask_all(const std::vector<std::string>& requests,
                  const std::function<void(std::size_t, std::string_view)>& answered = {});

 private:
  class Client;
  struct Round;

  const Server& server_;
  EventLoop loop_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace gantry::bench
