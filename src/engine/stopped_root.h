// SPDX-License-Identifier: Apache-2.0
//
// The file system of a container that does not run, with its volumes and binds in their places: what `docker
// cp` sees. It hangs in a mount namespace that nobody else has, so nothing of it shows on the host, and it
// goes away with this object, however the process ends.
//
//   StoppedRoot root = TRY(StoppedRoot::make(TRY(snapshots.mount(key)).mount, mounts, Writable::Yes));
//   TRY(copy_in(root.directory(), "/etc", tar, {}));
//
// While it lives the snapshot is mounted, so the container must not be started meanwhile.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/id_map.h"
#include "kernel/mount.h"
#include "oci/runtime_spec.h"

namespace gantry::engine {

class StoppedRoot {
 public:
  enum class Writable : std::uint8_t { No, Yes };
  // Targets are resolved inside of the root and made where they are missing, as at a start; of the options
  // those count that make a mount read-only, private or recursive. With No, the root file system itself takes
  // no writes (HostConfig.ReadonlyRootfs); what is mounted in it says for itself.
  // `id_maps`: of the container's user namespace, for mounts with "idmap"; empty: it has none.
  static Result<StoppedRoot> make(kernel::DetachedMount root, const std::vector<oci::Mount>& mounts,
                                  Writable writable, const kernel::IdMaps& id_maps = {});

  int directory() const { return root_.fd(); }

 private:
  StoppedRoot(UniqueFd mount_namespace, kernel::DetachedMount root)
      : mount_namespace_(std::move(mount_namespace)), root_(std::move(root)) {}
  UniqueFd mount_namespace_;  // what keeps the mounts
  kernel::DetachedMount root_;
};

}  // namespace gantry::engine
