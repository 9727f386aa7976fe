// SPDX-License-Identifier: Apache-2.0
#include "engine/core.h"

#include <limits>

#include "engine/links.h"
#include "engine/shim_monitor.h"

namespace gantry::engine {

namespace {

// Enough for many containers whose volumes or hooks hang, each of which holds up only its own.
constexpr std::size_t kMaxThreads = 64;

}  // namespace

Core::Core(Parts parts, image::ImageStore& image_store, image::Snapshots& container_snapshots,
           network::Networks& host_networks, const Logger& logger)
    : options(std::move(parts.options)),
      facts(parts.facts),
      store(image_store),
      snapshots(container_snapshots),
      networks(host_networks),
      log(logger),
      database(std::move(parts.database)),
      volumes(std::move(parts.volumes)),
      loop(std::move(parts.loop)),
      delays(*loop, pool),
      // Each container has at most a few tasks, so what waits is bounded by their number.
      pool({.name = "engine",
            .max_threads = kMaxThreads,
            .max_waiting = std::numeric_limits<std::size_t>::max(),
            .on_rest = [this] { database.release_memory(); }}) {}

Result<std::shared_ptr<Container>> Core::find(std::string_view ref) const {
  auto found = containers.find(ref);
  if (found || found.error().code() != Code::NotFound) return found;
  if (auto linked = find_linked(*this, ref)) return linked;
  return found;
}

Core::~Core() {
  loop->call([this] {
    is_ending = true;
    for (ShimMonitor* monitor : monitors) monitor->hang_up();
    delays.stop();
  });
}

}  // namespace gantry::engine
