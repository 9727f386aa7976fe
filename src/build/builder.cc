// SPDX-License-Identifier: Apache-2.0
#include "build/builder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/timestamp.h"
#include "build/build_job.h"
#include "build/file_hashes.h"
#include "build/session.h"
#include "image/disk_usage.h"
#include "image/layer_cache.h"

namespace gantry::build {

struct Builder::State {
  BuilderOptions options;
  SessionPlaces places;
  image::LayerCache layers;
  FileHashes hashes;

  std::string mounts() const { return options.root + "/build/mounts"; }
};

namespace {

// The first process of a RUN with a user namespace finds its root below the work directory by itself; what
// stands beside that is nobody's. Another builder, without user namespaces, may share the directories with
// one that has them, and leaves them open.
Result<void> make_build_directories(const BuilderOptions& options) {
  const std::string directory = options.root + "/build";
  for (const char* part : {"/work", "/mounts"}) TRY(make_directories(directory + part, 0700));
  if (options.id_maps.uids.empty()) return {};
  for (const std::string& path : {directory, directory + "/work"})
    if (::chmod(path.c_str(), 0711) < 0) return sys_error("set the mode of '{}'", path);
  return {};
}

}  // namespace

Builder::Builder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Builder::Builder(Builder&&) noexcept = default;
Builder& Builder::operator=(Builder&&) noexcept = default;
Builder::~Builder() = default;

Result<Builder> Builder::open(BuilderOptions options) {
  TRY(make_build_directories(options));
  const SessionPlaces places{.root = options.root,
                             .run = options.run,
                             .runtime = options.runtime,
                             .images = options.images,
                             .snapshots = options.snapshots};
  TRY(sweep_sessions(places));
  FileHashes hashes = TRY(FileHashes::open(options.root + "/build/build.db"));
  image::LayerCache layers(options.images->database());
  return Builder(
      std::unique_ptr<State>(new State{std::move(options), places, std::move(layers), std::move(hashes)}));
}

Result<BuildResult> Builder::build(const BuildRequest& request, ProgressSink& progress) {
  Cancel own;
  Cancel& cancel = request.cancel != nullptr ? *request.cancel : own;
  const Session session = TRY(Session::begin(state_->places));
  BuildJob job(state_->options, state_->layers, state_->hashes, session, request, cancel, progress);
  return job.run();
}

Result<std::vector<CacheRecord>> Builder::cache() const {
  std::vector<CacheRecord> records;
  for (const image::LayerCache::Record& record : TRY(state_->layers.records()))
    records.push_back({.key = record.key,
                       .description = record.layer.description,
                       .layer = record.layer.diff_id,
                       .size = record.layer.blob.size,
                       .created = record.layer.created,
                       .used = record.used});
  return records;
}

namespace {

// Directories of RUN --mount=type=cache that no build has now. The bytes.
Result<std::uint64_t> prune_mounts(const std::string& root, const std::string& directory,
                                   const PruneOptions& options) {
  std::uint64_t freed = 0;
  auto names = names_in(AT_FDCWD, directory);
  if (!names && names.error().code() == Code::NotFound) return freed;
  for (const std::string& name : TRY(std::move(names))) {
    const std::string path = directory + "/" + name;
    struct stat st{};
    if (::stat(path.c_str(), &st) < 0) continue;
    if (options.unused_since &&
        st.st_atim.tv_sec * 1'000'000'000 + st.st_atim.tv_nsec >= *options.unused_since)
      continue;
    const auto lock = TRY(image::KeyLock::try_acquire(root, "build cache " + name));
    if (!lock) continue;
    freed += TRY(image::disk_usage(AT_FDCWD, path)).bytes;
    TRY(remove_tree_at(AT_FDCWD, path));
  }
  return freed;
}

}  // namespace

Result<std::uint64_t> Builder::prune(const PruneOptions& options) {
  std::vector<std::string> doomed;
  std::uint64_t kept = 0;
  for (const CacheRecord& record : TRY(cache())) {  // the most recently used first
    const bool is_old = !options.unused_since || record.used < *options.unused_since;
    const bool is_too_much = !options.keep_bytes || kept + record.size > *options.keep_bytes;
    if (is_old && is_too_much)
      doomed.push_back(record.key);
    else
      kept += record.size;
  }
  TRY(state_->layers.remove(doomed));
  if (options.unused_since || !options.keep_bytes)
    TRY(state_->hashes.forget_made_before(options.unused_since.value_or(wall_clock_ns())));
  std::uint64_t freed = 0;
  if (!options.keeps_mounts) freed += TRY(prune_mounts(state_->options.root, state_->mounts(), options));
  freed += TRY(state_->options.images->collect()).bytes;
  return freed + TRY(state_->options.snapshots->collect());
}

}  // namespace gantry::build
