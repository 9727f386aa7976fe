// SPDX-License-Identifier: Apache-2.0
//
// Tells when the host's resolv.conf has changed: written in place, replaced by rename, or, where it is a link
// into another directory as systemd-resolved and others make it, changed there.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "network/resolver_config.h"

namespace gantry::network {

class ResolverWatch {
 public:
  // `on_change` is called on the loop, once by open() and then at each change of what the file says.
  ResolverWatch(EventLoop& loop, std::string path, const Logger& log,
                std::function<void(const ResolverConfig&)> on_change);
  // Fails when nothing can be watched; a file that is not there yet can be.
  Result<void> open();

 private:
  void on_event();
  Result<void> watch_files();
  void read();

  const std::string path_;
  const Logger& log_;
  std::function<void(const ResolverConfig&)> on_change_;
  std::optional<ResolverConfig> config_;  // what was told last
  UniqueFd inotify_;
  Watch watch_;  // after inotify_
  Timer settle_;
};

}  // namespace gantry::network
