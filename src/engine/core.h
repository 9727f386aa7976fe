// SPDX-License-Identifier: Apache-2.0
//
// What the parts of the engine share. Each verb is a function over it in a file of its own
// (start_container.h, end_container.h, …); engine.cc puts them together.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/loop_thread.h"
#include "base/thread_pool.h"
#include "container/check.h"
#include "engine/container_index.h"
#include "engine/delays.h"
#include "engine/engine.h"
#include "engine/engine_database.h"
#include "engine/events.h"
#include "engine/execs.h"
#include "engine/pod_index.h"
#include "engine/volumes.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "network/networks.h"

namespace gantry::engine {

class ShimMonitor;

struct Core {
  struct Parts {
    EngineOptions options;
    container::HostFacts facts;
    EngineDatabase database;
    std::unique_ptr<Volumes> volumes;
    std::unique_ptr<LoopThread> loop;
  };
  Core(Parts parts, image::ImageStore& image_store, image::Snapshots& container_snapshots,
       network::Networks& host_networks, const Logger& logger);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  // Finishes what was begun; containers go on.
  ~Core();

  // By id, name or the name that a link gives it ("web/db").
  Result<std::shared_ptr<Container>> find(std::string_view ref) const;
  // Runs it on the pool; not at all when the engine is ending, for the next one finds what there is to do.
  void later(ThreadPool::Task task) { (void)pool.run(std::move(task)); }

  const EngineOptions options;
  const container::HostFacts facts;
  image::ImageStore& store;
  image::Snapshots& snapshots;
  network::Networks& networks;
  const Logger& log;

  EngineDatabase database;
  const std::unique_ptr<Volumes> volumes;
  Events events;
  HealthCheckCounts health_check_counts;

  // What reacts to shims and to time, and what it starts. The destructor silences the loop first; then the
  // pool ends, whose work may still schedule something; then the containers, whose monitors end on the loop.
  std::set<ShimMonitor*> monitors;  // of the loop
  bool is_ending = false;           // of the loop
  const std::unique_ptr<LoopThread> loop;
  ContainerIndex containers;
  ExecIndex execs;
  PodIndex pods;
  Delays delays;
  ThreadPool pool;
};

}  // namespace gantry::engine
