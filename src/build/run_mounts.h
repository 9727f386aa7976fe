// SPDX-License-Identifier: Apache-2.0
//
// RUN --mount, in two parts: what the mounts are, with everything expanded, which goes into the step's key;
// and the mounts themselves, made in the mount namespace of the one RUN that they are for.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/agent_listener.h"
#include "build/cancel.h"
#include "build/file_hashes.h"
#include "build/key_hasher.h"
#include "build/session.h"
#include "build/source.h"
#include "dockerfile/instruction.h"
#include "image/key_lock.h"
#include "kernel/id_map.h"
#include "kernel/mount.h"
#include "oci/runtime_spec.h"

namespace gantry::build {

// What a build is given for its mounts.
struct MountMaterial {
  const std::map<std::string, std::function<Result<std::string>()>>& secrets;
  const std::map<std::string, std::string>& ssh;
  // For ids that these two do not have; may be empty.
  const std::function<Result<std::optional<std::string>>(const std::string& id)>& find_secret;
  const std::function<Result<std::optional<std::string>>(const std::string& id)>& find_agent;
  std::string root;               // of the store: caches are below <root>/build/mounts
  const kernel::IdMaps& id_maps;  // of the user namespace that they are for; empty: there is none
};

// One mount with everything known but the bytes.
struct RunMountPlan {
  dockerfile::MountType type = dockerfile::MountType::Bind;
  std::string target;    // absolute
  std::string id;        // cache, secret, ssh
  std::string variable;  // of a secret that is put into the environment; then there may be no target
  bool is_read_only = false;
  bool is_required = false;
  dockerfile::CacheSharing sharing = dockerfile::CacheSharing::Shared;
  std::uint64_t size = 0;  // tmpfs: bytes; 0: half of the memory
  std::optional<std::uint32_t> mode;
  std::uint32_t uid = 0, gid = 0;
  std::shared_ptr<Source> source;  // bind, and what a new cache begins with; none: nothing
  std::string source_path;
  oci::Digest content;  // of a bind's source

  void add_to_key(KeyHasher& key) const;
};

// `expand` gives a word's text, `find_source` what "from" means ("" is the context).
struct MountContext {
  std::string working_directory;
  std::function<Result<std::string>(const dockerfile::Word&)> expand;
  std::function<Result<std::shared_ptr<Source>>(const std::string& from)> find_source;
  FileHashes& hashes;
  Cancel& cancel;
};
Result<RunMountPlan> plan_mount(const dockerfile::RunMount& mount, const MountContext& context);

// What mounts stand on that is made before the thread with a mount namespace of its own is: what serves an
// agent may be threads that stay, and layers are mounted where the store is.
struct MountSources {
  std::map<std::string, std::string> agents;  // sockets, by id; one that was not given is not among them
  std::map<const RunMountPlan*, kernel::DetachedMount> layers;  // of binds from stages and images
};
// The plans outlive the answer.
Result<MountSources> find_mount_sources(const Session& session, const std::vector<RunMountPlan>& plans,
                                        const MountMaterial& material);

// The mounts of one RUN, and what they stand on. To be made and let go of by a thread in a mount namespace of
// its own, in which they vanish.
class RunMounts {
 public:
  RunMounts(const Session& session, const MountMaterial& material, const MountSources& sources,
            Cancel& cancel)
      : session_(session), material_(material), sources_(sources), cancel_(cancel) {}

  // `directory` is an empty one for mount points.
  Result<void> add(const RunMountPlan& plan, const std::string& directory);
  const std::vector<oci::Mount>& mounts() const { return mounts_; }
  const std::vector<std::string>& environment() const { return environment_; }

 private:
  Result<void> add_bind(const RunMountPlan& plan, const std::string& directory);
  Result<void> add_cache(const RunMountPlan& plan);
  Result<void> add_secret(const RunMountPlan& plan, const std::string& directory);
  Result<void> add_ssh(const RunMountPlan& plan, const std::string& directory);
  Result<std::string> take_cache(const RunMountPlan& plan);
  void bind_ours(const std::string& source, const std::string& target, bool is_read_only);
  Result<void> fill(const RunMountPlan& plan, int directory);

  const Session& session_;
  const MountMaterial& material_;
  const MountSources& sources_;
  Cancel& cancel_;
  std::vector<oci::Mount> mounts_;
  std::vector<std::string> environment_;
  std::list<image::KeyLock> locks_;
  std::list<std::unique_ptr<AgentListener>> relays_;
};

}  // namespace gantry::build
