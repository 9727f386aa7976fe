// SPDX-License-Identifier: Apache-2.0
//
// What stands around a daemon's work: the signals that end it and let it look at its files again, and what
// the service manager is told. gantryd and `gantry registry serve` share it.
//
//   const Signals signals = TRY(Signals::block());    // before any thread is started
//   ... open the store ...
//   TRY(serve_registry(config, store, signals, log));  // until SIGTERM or SIGINT
#pragma once

#include <csignal>
#include <cstdint>

#include "base/error.h"
#include "base/log.h"
#include "image/image_store.h"
#include "registry/config.h"

namespace gantry::daemon {

enum class Wish : std::uint8_t { Stop, Reload };

// SIGTERM, SIGINT and SIGHUP, which interrupt nobody from now on but wait until they are asked for.
class Signals {
 public:
  // Threads inherit what is blocked, so this comes before the first of them. For the life of the process.
  static Result<Signals> block();
  Wish wait() const;

 private:
  sigset_t set_{};
};

// SIGHUP reads certificates and opens logs anew; what cannot be read stays as it was, and is said.
Result<void> serve_registry(const registry::Config& config, image::ImageStore& store, const Signals& signals,
                            const Logger& log);

}  // namespace gantry::daemon
