// SPDX-License-Identifier: Apache-2.0
//
// A mount of a container as `docker inspect` shows it (MountPoint of the Engine API): what was resolved when
// the container was created. Persisted with it.
#pragma once

#include <string>

#include "base/json_codec.h"

namespace gantry::engine {

struct MountPoint {
  std::string type;         // "bind", "volume", "tmpfs"
  std::string name;         // of the volume
  std::string source;       // path on the host; of a volume: its directory; empty for a tmpfs
  std::string destination;  // absolute path inside
  std::string driver;       // of the volume
  std::string mode;         // as it was written: "ro,z"
  bool rw = true;
  std::string propagation;  // of a bind: "rprivate"; else empty

  friend bool operator==(const MountPoint&, const MountPoint&) = default;
};

inline void fields(json::Fields& f, MountPoint& mount) {
  f("Type", mount.type, json::Presence::Always);
  f("Name", mount.name);
  f("Source", mount.source, json::Presence::Always);
  f("Destination", mount.destination, json::Presence::Always);
  f("Driver", mount.driver);
  f("Mode", mount.mode, json::Presence::Always);
  f("RW", mount.rw, json::Presence::Always);
  f("Propagation", mount.propagation, json::Presence::Always);
}

}  // namespace gantry::engine
