// SPDX-License-Identifier: Apache-2.0
//
// Containers, from created to removed: the one class that the faces (Docker's API, the node of a cluster)
// drive. Thread-safe; every call may block (mounts, processes, the database) and belongs on a pool. Changes
// to one container wait for each other and for nobody else's; readers get snapshots and wait for nothing.
//
//   auto engine = TRY(Engine::start(options, store, snapshots, networks, log));
//   CreateResult made = TRY(engine->create({.name = "web", .config = config, .host_config = host_config}));
//   TRY(engine->start(made.id));
//   Subscription wait = TRY(engine->wait(made.id, WaitCondition::NotRunning, [&](const WaitResult& r) { …
//   }));
//
// A container is named by its id, the first digits of one if they fit no other, its name, or "/name".
//
// Errors have Docker's sentences where people and programs know them. NotFound: no such container (exec,
// image, network …). Conflict: it is in a state that does not allow this. InvalidArgument: what was asked for
// is wrong. Unsupported, ResourceExhausted, Unavailable as everywhere; Internal for the rest.
//
// Kill -9 at any instruction: what is about to be made is recorded before it is made, containers and their
// shims live on, and the next Engine::start() asks each shim how things stand. There is no other way to end:
// the destructor lets containers run, too.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "container/check.h"
#include "container/settings.h"
#include "engine/container_record.h"
#include "engine/events.h"
#include "engine/exec_record.h"
#include "engine/pod_record.h"
#include "engine/subscription.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "kernel/id_map.h"
#include "network/config.h"

namespace gantry {
class LoopThread;
}
namespace gantry::network {
class Networks;
}

namespace gantry::engine {

class Volumes;

struct EngineOptions {
  std::string root = "/var/lib/gantry";  // what must survive
  std::string run = "/run/gantry";       // what ends with the host
  // Programs, absolute.
  std::string shim = "/usr/libexec/gantry/gantry-shim";
  std::string runtime = "/usr/libexec/gantry/gantry-runtime";
  std::string init = "/usr/libexec/gantry/gantry-init";
  std::map<std::string, std::string> runtimes;  // further OCI runtimes by name; defaults.runtime is `runtime`
  bool systemd_cgroup = false;
  // What containers get that do not say; cgroup_parent empty: "/gantry".
  container::HostDefaults defaults;
  std::vector<std::string> dns, dns_options, dns_search;  // defaults for networks
  // Of the user namespaces that containers get who do not ask for the daemon's (--userns=host); empty: none
  // get one.
  kernel::IdMaps id_maps;
};

struct CreateRequest {
  std::string name;  // empty: the engine finds one
  container::Config config;
  container::HostConfig host_config;
  std::map<std::string, network::EndpointSettings> endpoints;  // NetworkingConfig.EndpointsConfig
  std::string platform;                                        // "os/arch/variant"; empty: any
  std::string pod;                                             // to live in; empty: alone
};

struct CreateResult {
  std::string id;
  std::vector<std::string> warnings;
};

struct StopOptions {
  std::optional<std::string> signal;             // "SIGTERM", "15"; absent: the container's
  std::optional<std::chrono::seconds> patience;  // then SIGKILL; negative: never; absent: the container's
};

// POST /containers/{id}/update. A resource that is 0 or empty stays as it is.
struct UpdateRequest {
  container::Resources resources;
  std::optional<container::RestartPolicy> restart_policy;
};

struct RemoveOptions {
  bool force = false;    // also when it runs
  bool volumes = false;  // with its anonymous volumes
};

enum class WaitCondition : std::uint8_t { NotRunning, NextExit, Removed };
struct WaitResult {
  std::int64_t exit_code = 0;
  std::string error;  // of a container that could not be removed
};
using WaitCallback = std::move_only_function<void(const WaitResult&)>;

// A connection to the container's shim (docs/formats/shim-protocol.md) that is attached already: Attach (or
// Exec) was answered with Ok and nothing has been read since, so no output is missed. Frames that follow have
// `tag`. container/shim_client.h drives it.
struct Attachment {
  UniqueFd connection;
  std::uint32_t session = 0;
  std::uint32_t tag = 0;
  bool is_terminal = false;
};

struct AttachRequest {
  bool stdin_too = false;  // ignored for a container without OpenStdin
  bool stdout_too = false;
  bool stderr_too = false;
  // The container waits for this client rather than that output is lost.
  bool is_lossless = true;
};
using AttachCallback = std::move_only_function<void(Result<Attachment>)>;

struct ExecStart {
  bool detach = false;                                          // nothing is attached
  std::optional<std::pair<std::uint16_t, std::uint16_t>> size;  // of its terminal: rows, columns
};

struct Pruned {
  std::vector<std::string> ids;
  std::uint64_t bytes = 0;
};

// Since the engine was started. Any thread.
struct HealthCheckCounts {
  std::atomic<std::uint64_t> all = 0, failed = 0;
};

class Engine {
 public:
  // Takes up what is there: containers that run go on, those that ended meanwhile are told of, what was half
  // done is repaired, restart policies are applied. Conflict when another engine uses the same root or run
  // directory. The rest outlives the engine.
  static Result<std::unique_ptr<Engine>> start(EngineOptions options, image::ImageStore& store,
                                               image::Snapshots& snapshots, network::Networks& networks,
                                               const Logger& log);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  // ---- containers

  // NotFound "No such image: x" when the image is not here: who calls pulls it and calls again.
  Result<CreateResult> create(CreateRequest request);
  // False, here and below: it was so already (Docker answers 304).
  Result<bool> start(std::string_view ref);
  Result<bool> stop(std::string_view ref, const StopOptions& options = {});
  Result<void> restart(std::string_view ref, const StopOptions& options = {});
  Result<void> kill(std::string_view ref, std::string_view signal);  // empty: SIGKILL, waits for the end
  Result<void> pause(std::string_view ref);
  Result<void> unpause(std::string_view ref);
  Result<void> rename(std::string_view ref, std::string_view name);
  Result<std::vector<std::string>> update(std::string_view ref, const UpdateRequest& request);  // warnings
  Result<void> remove(std::string_view ref, const RemoveOptions& options = {});
  // Removes those that do not run and that `matches` accepts.
  Result<Pruned> prune(const std::function<bool(const ContainerRecord&)>& matches);

  // NotFound "No such container: x"; Conflict when several ids begin like this.
  Result<ContainerRef> find(std::string_view ref) const;
  // All, the newest first.
  std::vector<ContainerRef> list() const;
  ContainerPaths paths(const ContainerRecord& container) const;

  // Docker's links (links.h): those of a container, as inspect shows them, and by the ids of all containers
  // what they are called by links: "/web/db".
  std::vector<std::string> links_of(const ContainerRecord& container) const;
  std::map<std::string, std::vector<std::string>> link_names() const;
  // "/web/db". NotFound; Conflict for a name that is a container's own.
  Result<void> remove_link(std::string_view name);

  // The callback runs once: within the call when the condition holds already, else on a thread of the engine,
  // which it must not hold up.
  Result<Subscription> wait(std::string_view ref, WaitCondition condition, WaitCallback callback);

  // ---- streams

  // Once, as `wait`: within the call for a container that runs; else when it is started, before its program
  // runs, or with the error why it was not. Dropping the subscription gives up waiting.
  Result<Subscription> attach(std::string_view ref, const AttachRequest& request, AttachCallback callback);
  Result<void> resize(std::string_view ref, std::uint16_t rows, std::uint16_t columns);

  Result<std::string> exec_create(std::string_view ref, ExecConfig config);  // its id
  // The attachment has no connection when `detach` is set.
  Result<Attachment> exec_start(std::string_view id, const ExecStart& start);
  Result<void> exec_resize(std::string_view id, std::uint16_t rows, std::uint16_t columns);
  Result<ExecRef> exec_inspect(std::string_view id) const;
  std::vector<ExecRef> execs_of(const ContainerRecord& container) const;

  // ---- file systems

  // The root directory of a container that is not started while this lives, or of one that runs.
  class Rootfs {
   public:
    Rootfs(Rootfs&&) noexcept;
    Rootfs& operator=(Rootfs&&) = delete;
    ~Rootfs();
    int directory() const;  // O_PATH; as the container sees it if it runs (its volumes included)
    bool is_live() const;   // it is the root of a process
    // Of its user namespace: files are seen with the host's ids; empty: they are the container's, too.
    const kernel::IdMaps& id_maps() const;

   private:
    friend class Engine;
    struct State;
    explicit Rootfs(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };
  Result<Rootfs> open_rootfs(std::string_view ref);

  // ---- networks of containers

  Result<void> connect(std::string_view network, std::string_view ref, network::EndpointSettings settings);
  Result<void> disconnect(std::string_view network, std::string_view ref, bool force);
  // Key of the sandbox (network/networks.h) whose network namespace it is in; empty: the host's. Conflict
  // when it does not run.
  Result<std::string> sandbox_of(std::string_view ref) const;

  // ---- pods

  Result<CreateResult> create_pod(std::string_view name, PodSettings settings);
  Result<bool> start_pod(std::string_view ref);  // its namespaces, then its containers in order of creation
  Result<bool> stop_pod(std::string_view ref, const StopOptions& options = {});
  Result<void> remove_pod(std::string_view ref, const RemoveOptions& options = {});
  Result<PodRef> find_pod(std::string_view ref) const;
  std::vector<PodRef> pods() const;
  std::vector<ContainerRef> containers_of(const PodRecord& pod) const;

  // ---- what belongs to it

  // What on its disk belongs to nobody, and what is missing: a sentence each; empty: all is well. May be
  // asked at any time: what is being made or removed meanwhile is no finding.
  Result<std::vector<std::string>> check_disk() const;
  const EngineOptions& options() const;
  const HealthCheckCounts& health_check_counts() const;
  Events& events();
  Volumes& volumes();
  network::Networks& networks();
  image::ImageStore& store();
  image::Snapshots& snapshots();
  // The key of its snapshot.
  static std::string snapshot_key(const ContainerRecord& container);

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gantry::engine
