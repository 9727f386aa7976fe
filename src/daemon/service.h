// SPDX-License-Identifier: Apache-2.0
//
// One role of a daemon while it is at work.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::daemon {

class Service {
 public:
  virtual ~Service() = default;
  virtual std::string_view name() const = 0;  // "registry"
  // Where it listens: "127.0.0.1:5000", "unix:/run/gantry/gantry.sock".
  virtual std::vector<std::string> addresses() const = 0;
  // Reads anew what may change while it works. What cannot be read is an error, and stays as it was.
  virtual Result<void> reload() = 0;
  // Lets running requests finish for as long as `grace`.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace gantry::daemon
