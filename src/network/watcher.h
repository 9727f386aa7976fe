// SPDX-License-Identifier: Apache-2.0
//
// Notices when somebody else changes what is ours, on a thread of its own: the kernel tells of every change
// of packet rules and interfaces. What is found damaged is told to `heal`, at most ten times a second.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/network/netlink_socket.h"

namespace gantry::network {

struct Damage {
  bool to_rules = false;
  bool to_interfaces = false;
};

class Watcher {
 public:
  struct Options {
    std::string table;              // ours, of family inet
    std::uint32_t our_port_id = 0;  // of the socket that we change it by
    // Whether an interface, gone or down or without an address, should be there. On the watcher's thread.
    std::function<bool(const std::string& name)> is_ours;
    std::function<void(Damage)> heal;  // likewise
  };
  static Result<std::unique_ptr<Watcher>> start(Options options);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher();  // waits for the thread

 private:
  Watcher(Options options, kernel::NetlinkSocket rules, kernel::NetlinkSocket links, UniqueFd stop);
  void run();
  bool wait(int timeout_ms);
  void read_rules();
  void read_links();

  const Options options_;
  const kernel::NetlinkSocket rules_;
  const kernel::NetlinkSocket links_;
  const UniqueFd stop_;  // an eventfd
  Damage damage_;        // seen and not yet healed; the thread's
  std::thread thread_;
};

}  // namespace gantry::network
