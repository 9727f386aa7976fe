// SPDX-License-Identifier: Apache-2.0
//
// What has to be done beside an engine's work, on a thread of its own: the usage of every container's life is
// written down, rotated logs are compressed, logs are sent to the services that containers name, and unpacked
// layers are synced to disk.
//
//   auto books = TRY(Bookkeeping::start(*engine, *usage, snapshots, log));   // after Engine::start()
//
// It listens to the engine's events, so it needs nothing of the engine's inside. Lives that began before it
// was started are taken up. Goes before all that it was given.
#pragma once

#include <chrono>
#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "engine/usage.h"
#include "image/snapshots.h"

namespace gantry::engine {

class Engine;

struct BookkeepingOptions {
  // How often what runs is looked at. What a life used in all is read at its end, so this only decides how
  // exact its memory over time is, how soon logs are compressed, and for how long after a pull a crash of the
  // host costs its unpacking.
  std::chrono::milliseconds interval = std::chrono::minutes(2);
};

class Bookkeeping {
 public:
  static Result<std::unique_ptr<Bookkeeping>> start(Engine& engine, UsageLog& usage,
                                                    image::Snapshots& snapshots, const Logger& log,
                                                    const BookkeepingOptions& options = {});
  Bookkeeping(const Bookkeeping&) = delete;
  Bookkeeping& operator=(const Bookkeeping&) = delete;
  ~Bookkeeping();

 private:
  struct State;
  explicit Bookkeeping(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gantry::engine
