// SPDX-License-Identifier: Apache-2.0
//
// What stands around a daemon's work: the signals that end it and let it look at its files again, and what
// the service manager is told. gantryd and `gantry registry serve` share it.
//
//   const Signals signals = TRY(Signals::block());    // before any thread is started
//   ... open the store ...
//   services.push_back(TRY(start_registry(config, store, log)));
//   TRY(serve(services, signals, log));               // until SIGTERM or SIGINT
#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <span>

#include "base/error.h"
#include "base/log.h"
#include "daemon/service.h"
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

// Says what there is, and then does what signals say, until one says to stop: SIGHUP reads certificates and
// the like anew; what cannot be read stays as it was, and is said.
Result<void> serve(std::span<const std::unique_ptr<Service>> services, const Signals& signals,
                   const Logger& log);

// `store` and `log` outlive it.
Result<std::unique_ptr<Service>> start_registry(const registry::Config& config, image::ImageStore& store,
                                                const Logger& log);

}  // namespace gantry::daemon
