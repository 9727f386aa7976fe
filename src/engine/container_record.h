// SPDX-License-Identifier: Apache-2.0
//
// What the engine knows of one container: an immutable snapshot, replaced as a whole when something changes,
// so that readers need no lock and see states that were. The large parts (settings, networks) are shared
// between snapshots, because nearly every change is one of the state.
//
//   std::shared_ptr<const ContainerRecord> web = TRY(engine.find("web"));
//   if (web->state.is_running()) ... web->settings->host_config.network_mode ...
//
// Persisted in engine.db: settings and networks as JSON that is written when they change, the state as a
// small row of its own (docs/formats/engine-database.md).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_codec.h"
#include "container/settings.h"
#include "engine/health.h"
#include "network/config.h"

namespace gantry::engine {

using container::MountPoint;

// All times are nanoseconds since 1970 (CLOCK_REALTIME); 0: never.
using TimeNs = std::int64_t;

// Docker's words.
enum class Status : std::uint8_t { Created, Running, Paused, Restarting, Removing, Exited, Dead };
constexpr std::array<std::string_view, 7> names_of(Status) {
  return {"created", "running", "paused", "restarting", "removing", "exited", "dead"};
}
constexpr std::string_view name_of(Status status) {
  return names_of(status)[static_cast<std::size_t>(status)];
}

struct ContainerState {
  Status status = Status::Created;
  pid_t pid = 0;  // of its first process while it runs, in the daemon's pid namespace
  std::int64_t exit_code = 0;
  std::string error;  // why it could not be started or continued
  bool oom_killed = false;
  // Somebody asked for its end (stop, kill): a restart policy other than "always" does not apply, and
  // "unless-stopped" not after a restart of the daemon either.
  bool stopped_by_hand = false;
  TimeNs started = 0;
  TimeNs finished = 0;
  std::int64_t restart_count = 0;
  std::shared_ptr<const Health> health;  // null: it has no health check; in memory only

  // Its first process lives: running, or paused.
  bool is_running() const { return status == Status::Running || status == Status::Paused; }
};

// A range of ids of a user namespace (user_namespaces(7)).
struct IdMapping {
  std::uint32_t inside = 0, outside = 0, size = 0;
  friend bool operator==(const IdMapping&, const IdMapping&) = default;
};
void fields(json::Fields& f, IdMapping& mapping);

// What it was made with. Changed only by update().
struct ContainerSettings {
  container::Config config;  // with the image's defaults merged in
  container::HostConfig host_config;
  std::string image;           // digest of the image's config, "sha256:…"; empty: made of nothing
  std::string image_name;      // as it was asked for
  std::string image_manifest;  // digest of the manifest
  std::string platform;        // "linux"
  std::string pod;             // id of the pod it was created in; empty: it is alone
  std::vector<MountPoint> mounts;
  std::vector<std::string> anonymous_volumes;  // names of volumes that go with it if asked so
  // Of its user namespace; empty: it has none but the daemon's. Its file system was made for them.
  std::vector<IdMapping> uid_mappings, gid_mappings;

  // The program and its arguments: entrypoint and command, joined.
  std::vector<std::string> command() const;
};
void fields(json::Fields& f, ContainerSettings& settings);

struct ContainerNetworks {
  // By the network's name: what was asked for, and, while the container runs, with what it got.
  std::map<std::string, network::EndpointSettings> wanted;
  std::map<std::string, network::EndpointSettings> endpoints;
  // Published ports while it runs: "80/tcp" to addresses of the host; exposed ones that are not published
  // have no binding.
  container::PortMap ports;
  std::string sandbox_key;  // path of its network namespace while it runs; empty for "host"
};
void fields(json::Fields& f, ContainerNetworks& networks);

struct ContainerRecord {
  std::string id;    // 64 hexadecimal digits
  std::string name;  // without the slash in front that Docker shows
  TimeNs created = 0;
  std::shared_ptr<const ContainerSettings> settings;  // never null, as the next
  std::shared_ptr<const ContainerNetworks> networks;
  ContainerState state;

  std::string short_id() const { return id.substr(0, 12); }
};
using ContainerRef = std::shared_ptr<const ContainerRecord>;

// Where the files of a container are; nothing says that they are there.
struct ContainerPaths {
  std::string directory;  // <root>/containers/<id>, with config.json, hosts, hostname, resolv.conf
  std::string hosts;
  std::string hostname;
  std::string resolv_conf;
  std::string log;             // current file of the log (docs/formats/container-log.md)
  std::string shim_state;      // <run>/shims/<id>
  std::string shim_socket;     // in it
  std::string rootfs;          // where its root file system is mounted while it runs
  std::string scratch;         // <run>/mounts/<id>: parts of volumes
  std::string shared_memory;   // <run>/shm/<id>: its /dev/shm, where others may have it, too
  std::string user_namespace;  // <run>/userns/<id>: mounted there while it runs, if it has one of its own
  std::string cgroup;          // "/gantry/<id>": below the mount point of each hierarchy
};

}  // namespace gantry::engine
