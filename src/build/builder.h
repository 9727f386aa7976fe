// SPDX-License-Identifier: Apache-2.0
//
// Makes images from Dockerfiles, in a store of images, by running containers.
//
//   Builder builder = TRY(Builder::open({.root = root, .run = run, .images = store, ...}));
//   BuildRequest request{.context = TRY(directory_context(".")), .names = {"app:latest"}};
//   BuildResult result = TRY(builder.build(request, progress));
//
// The stages that the target needs are built side by side. A step whose result is in the cache costs a look
// at the database; what makes a step the same is described in docs/formats/build-cache.md: contents, never
// times of files.
//
// Thread-safe; several builds at once share the cache, also from other processes. A build that fails, is
// cancelled or killed leaves nothing but finished steps in the cache: mounts belong to a mount namespace of
// the step's own, containers to a process that is ended with it, and what a dead process left on disk is
// removed by the next open().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "build/cancel.h"
#include "build/context.h"
#include "build/progress.h"
#include "container/settings.h"
#include "image/archive_io.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "image/transfer/credentials.h"
#include "image/transfer/registries.h"
#include "kernel/id_map.h"
#include "oci/image/digest.h"
#include "oci/image/platform.h"

namespace gantry::build {

// The network of RUN, made by who knows of networks. Thread-safe.
class RunNetworks {
 public:
  virtual ~RunNetworks() = default;
  // A network namespace under that key, connected to `network` (as docker build --network has it; empty: the
  // default), and its path; remove() takes it away again. It belongs to the user namespace `owner` (borrowed;
  // -1: this process's).
  struct Sandbox {
    std::string path;
    std::string resolv_conf;  // content of the container's; empty: the host's
  };
  virtual Result<Sandbox> make(const std::string& key, const std::string& network, int owner) = 0;
  virtual void remove(const std::string& key) = 0;
};

struct BuilderOptions {
  std::string root;  // of the store; <root>/build is ours
  std::string run;   // for the runtime's state: below it everything may be lost with the host
  image::ImageStore* images = nullptr;
  image::Snapshots* snapshots = nullptr;
  image::Registries* registries = nullptr;  // null: base images have to be in the store
  RunNetworks* networks = nullptr;          // null: RUN has the host's network, unless it asks for none
  std::string runtime = "gantry-runtime";   // program
  std::string cgroup_parent = "/gantry";    // of RUN's containers
  unsigned parallel_runs = 0;               // RUNs of one build at once; 0: as many as there are processors
  // Of the user namespaces that RUNs get, as containers have them; empty: none. What is on disk has the ids
  // that are seen inside.
  kernel::IdMaps id_maps = {};
};

// Reads a secret when a RUN mounts it; its bytes are in no file but on a tmpfs of that RUN.
using SecretSource = std::function<Result<std::string>()>;

// What a build came to (built_stage.h), shared by who asked for it and the builds that stand on it.
class BuiltStage;

// A context besides the main one (--build-context name=...): files, or an image or another build's result to
// take in place of a name. One of the three.
struct NamedContext {
  std::shared_ptr<Context> files;
  std::string image;  // a name or id
  std::shared_ptr<const BuiltStage> stage;
};

// Called with chunks of a result in the form that was asked for.
struct ExportTar {
  ByteSink* tar = nullptr;  // the file system of the target
};
struct ExportDirectory {
  std::string path;  // is made; files that are there are replaced
};
struct ExportArchive {  // the image with its names, as docker load and skopeo read it
  image::ArchiveForm form = image::ArchiveForm::Docker;
  ByteSink* tar = nullptr;
};

struct BuildRequest {
  std::shared_ptr<Context> context;
  std::map<std::string, NamedContext> named_contexts;
  std::string dockerfile = "Dockerfile";         // a path in the context
  std::optional<std::string> dockerfile_text;    // in place of it
  std::string target;                            // a stage; empty: the last
  std::map<std::string, std::string> arguments;  // --build-arg; SOURCE_DATE_EPOCH among them
  std::map<std::string, std::string> labels;
  std::optional<oci::Platform> platform;  // none: this host's
  bool pull = false;                      // base images, also if they are in the store
  bool no_cache = false;
  std::vector<std::string> uncached_stages;  // --no-cache-filter
  // Images (names) that steps may be taken from. Only images that were built here say what their layers are.
  std::vector<std::string> cache_from;
  std::string network;                // of RUN: "", "default", "none", "host", or a network
  bool may_be_insecure = false;       // RUN --security=insecure
  bool may_use_host_network = false;  // RUN --network=host
  // Limits, ulimits, shm_size, extra_hosts, cgroup_parent of RUN's containers; the rest is not looked at.
  container::HostConfig host_config;
  std::map<std::string, SecretSource> secrets;            // by id
  std::map<std::string, std::string> ssh;                 // sockets of agents, by id ("default")
  std::map<std::string, image::Credentials> credentials;  // by registry, before what is configured
  // Asked, where they are set, for what the three maps do not have: a client on the other end of a connection
  // has it. Nothing: there is none of that id. From any thread.
  std::function<Result<std::optional<std::string>>(const std::string& id)> find_secret;
  std::function<Result<std::optional<std::string>>(const std::string& id)> find_agent;  // its socket
  std::function<Result<std::optional<image::Credentials>>(const std::string& registry)> find_credentials;

  std::vector<std::string> names;  // of the image, in any form
  bool keeps_image = true;         // false: only what the next three say
  bool keeps_stage = false;        // the result is handed out, for other builds
  std::vector<ExportArchive> archives;
  std::optional<ExportTar> tar;
  std::optional<ExportDirectory> directory;

  // To end it early, from any thread; borrowed, of this build alone.
  Cancel* cancel = nullptr;
};

struct BuildResult {
  oci::Digest image;  // its id: the digest of the config. Empty unless it was kept, or is in an archive
  oci::Digest manifest;
  std::vector<std::string> names;
  std::shared_ptr<const BuiltStage> stage;  // if it was to be kept
  std::size_t cached_steps = 0;
  std::size_t run_steps = 0;
};

// One step that is kept.
struct CacheRecord {
  std::string key;
  std::string description;   // "RUN make"
  oci::Digest layer;         // diff id
  std::uint64_t size = 0;    // bytes of its blob
  std::int64_t created = 0;  // nanoseconds since 1970, as the next
  std::int64_t used = 0;
};

struct PruneOptions {
  std::optional<std::int64_t> unused_since;  // only what was not used since then; nanoseconds since 1970
  std::optional<std::uint64_t> keep_bytes;   // the most recently used up to so much
  bool keeps_mounts = false;                 // RUN --mount=type=cache
};

class Builder {
 public:
  static Result<Builder> open(BuilderOptions options);
  Builder(Builder&&) noexcept;
  Builder& operator=(Builder&&) noexcept;
  ~Builder();

  // InvalidArgument for a Dockerfile or request that cannot be built, with "Dockerfile:line:column: ";
  // Conflict when it was cancelled; the errors of the store, of registries and of the runtime, with the step
  // they came from. A RUN whose command fails is Code::Internal: "… exit code: 3".
  Result<BuildResult> build(const BuildRequest& request, ProgressSink& progress);

  // ---- the cache
  Result<std::vector<CacheRecord>> cache() const;
  // Bytes that came free.
  Result<std::uint64_t> prune(const PruneOptions& options);

 private:
  struct State;
  explicit Builder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gantry::build
