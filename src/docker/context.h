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
}
namespace gantry::image {
class ImageStore;
class Registries;
class Snapshots;
}  // namespace gantry::image
namespace gantry::network {
class Networks;
}

namespace gantry::docker {

struct DaemonDescription;
class StreamLoop;

struct Context {
  engine::Engine& engine;
  image::ImageStore& images;
  image::Snapshots& snapshots;
  image::Registries& registries;  // without credentials: clients bring their own
  network::Networks& networks;
  build::Builder& builder;
  buildkit::BuildKit& buildkit;
  const DaemonDescription& daemon;
  StreamLoop& streams;  // where connections live that were hijacked
  const Logger& log;
};

}  // namespace gantry::docker
