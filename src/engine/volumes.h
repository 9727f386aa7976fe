// SPDX-License-Identifier: Apache-2.0
//
// Volumes: directories that outlive containers. `<root>/volumes/<name>/_data` holds what containers see,
// `<root>/volumes.db` what is known of each (docs/formats/volumes.md).
//
//   auto volumes = TRY(Volumes::open("/var/lib/gantry"));
//   VolumeRef data = TRY(volumes->create({.name = "data"})).volume;
//   TRY(volumes->add_user("data", container.id));              // from now on nobody can remove it
//   std::string path = TRY(volumes->mount("data", container.id));
//
// Who uses a volume is the engine's knowledge and is kept in memory: at start it calls add_user() for every
// container it has, mount() for those that run, and then unmount_unused().
//
// Thread-safe. Only mount(), unmount(), open_directory(), usage() and remove() touch what is inside a volume,
// and each waits for nobody but others at the same volume: a server that hangs holds up neither listings nor
// other volumes.
//
// The one driver is "local". Its options are those of Docker's: `type`, `o` and `device` of a mount(2) that
// is there while a running container uses the volume.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_codec.h"
#include "base/unique_fd.h"
#include "image/disk_usage.h"

namespace gantry::engine {

// The label by which Docker marks a volume that nobody named.
inline constexpr const char* kAnonymousLabel = "com.docker.volume.anonymous";

struct Volume {
  std::string name;
  std::string driver = "local";
  std::string mountpoint;    // absolute, on the host
  std::int64_t created = 0;  // nanoseconds since 1970
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> options;

  bool is_anonymous() const { return labels.contains(kAnonymousLabel); }
  // It is a mount of its own: what is in it does not lie below our root.
  bool has_mount() const { return !options.empty(); }
};
using VolumeRef = std::shared_ptr<const Volume>;

// The body of POST /volumes/create.
struct VolumeRequest {
  std::string name;    // empty: it is anonymous
  std::string driver;  // empty: "local"
  std::map<std::string, std::string> driver_opts;
  std::map<std::string, std::string> labels;
};
void fields(json::Fields& f, VolumeRequest& request);

class Volumes {
 public:
  // Finishes removals that were interrupted, and takes in directories that nothing is known of: data is never
  // removed for want of a row. `root` is absolute.
  static Result<std::unique_ptr<Volumes>> open(const std::string& root);
  Volumes(const Volumes&) = delete;
  Volumes& operator=(const Volumes&) = delete;
  ~Volumes();

  struct Created {
    VolumeRef volume;
    bool is_new = false;  // false: it was there, and stays as it was (Docker's rule)
  };
  // InvalidArgument for a name or an option that cannot be, NotFound for another driver, Conflict if there is
  // one of that name with another driver. A `user` has it from the first moment on, as add_user() would say:
  // nobody can remove it in between.
  Result<Created> create(VolumeRequest request, const std::string& user = {});

  Result<VolumeRef> find(std::string_view name) const;  // NotFound "get x: no such volume"
  std::vector<VolumeRef> list() const;                  // by name

  // With all that is in it. NotFound; Conflict while it has users.
  Result<void> remove(const std::string& name);
  struct Pruned {
    std::vector<std::string> names;
    std::uint64_t bytes = 0;
  };
  // Removes those without users that `matches` accepts. One that cannot be removed is left.
  Result<Pruned> prune(const std::function<bool(const Volume&)>& matches);

  // ---- who uses it: ids of containers

  Result<void> add_user(const std::string& name, const std::string& user);  // NotFound
  // One that uses it no more. The volume may have gone.
  void remove_user(const std::string& name, const std::string& user);
  std::vector<std::string> users_of(const std::string& name) const;

  // ---- what is in it

  // The directory for a running container; the first one mounts what the options say. NotFound, and the
  // kernel's own words when a mount fails. Calling it again for the same container does nothing.
  Result<std::string> mount(const std::string& name, const std::string& user);
  // The last one unmounts. A mount that is busy stays (lazily detached).
  void unmount(const std::string& name, const std::string& user);
  // Detaches what an earlier process mounted and no running container needs.
  void unmount_unused();
  // Its directory (O_RDONLY), as it is now.
  Result<UniqueFd> open_directory(const std::string& name) const;
  // Calls `copy` with the directory if the volume is empty; nobody mounts it meanwhile. What was put into it
  // is seen as a whole or not at all, also after a crash, unless a running container has the volume already.
  using CopyInto = std::function<Result<void>(int directory)>;
  Result<void> fill(const std::string& name, const CopyInto& copy);
  // What it takes on our disk. Unsupported for one that is a mount of its own.
  Result<image::DiskUsage> usage(const std::string& name) const;

 private:
  struct State;
  explicit Volumes(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether Docker allows it: two or more of [a-zA-Z0-9_.-], the first a letter or digit; at most 255.
Result<void> check_volume_name(std::string_view name);

}  // namespace gantry::engine
