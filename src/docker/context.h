// SPDX-License-Identifier: Apache-2.0
//
// What the endpoints of the Docker API translate onto. All of it is thread-safe and outlives the server.
#pragma once

#include "base/log.h"

namespace gantry::build {
class Builder;
}
namespace gantry::buildkit {
class BuildKit;
}
namespace gantry::engine {
class Engine;
class UsageLog;
}  // namespace gantry::engine
namespace gantry::image {
class ImageStore;
class Registries;
class Snapshots;
}  // namespace gantry::image
namespace gantry::network {
class Networks;
}

namespace gantry::docker {

class CurrentDescription;
class Metrics;
class StreamLoop;

struct Context {
  engine::Engine& engine;
  image::ImageStore& images;
  image::Snapshots& snapshots;
  image::Registries& registries;  // without credentials: clients bring their own
  network::Networks& networks;
  build::Builder& builder;
  buildkit::BuildKit& buildkit;
  engine::UsageLog& usage;
  Metrics& metrics;
  const CurrentDescription& daemon;
  StreamLoop& streams;  // where connections live that were hijacked
  const Logger& log;
};

}  // namespace gantry::docker
