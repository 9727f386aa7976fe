// SPDX-License-Identifier: Apache-2.0
//
// The id maps of user namespaces (user_namespaces(7)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::kernel {

struct IdRange {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t size = 0;
};

struct IdMaps {
  std::vector<IdRange> uids;
  std::vector<IdRange> gids;
};

// Writes both maps of the process's user namespace. Without CAP_SETUID and CAP_SETGID here, a map
// of one's own single id is written after giving up setgroups(2); any other needs the set-uid
// helpers newuidmap(1) and newgidmap(1), which are run then.
Result<void> write_id_maps(pid_t pid, const IdMaps& maps);

// A user namespace with these maps that no process lives in, for id-mapped mounts.
Result<UniqueFd> make_user_namespace(const IdMaps& maps);

// The host's id for one inside; empty when it is not mapped.
const IdRange* find_range(const std::vector<IdRange>& ranges, std::uint32_t inside);

}  // namespace gantry::kernel
