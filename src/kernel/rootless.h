// SPDX-License-Identifier: Apache-2.0
//
// An ordinary user's own user namespace: inside he is root, over himself and the ids that the host's
// administrator has set aside for him (user_namespaces(7), subuid(5)).
//
//   const IdMaps maps = TRY(own_id_maps());
//   TRY(enter_own_namespaces(maps, CLONE_NEWNS));
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kernel/id_map.h"

namespace gantry::kernel {

// What a file like /etc/subuid grants to a user, who is listed there by his name or his number: lines of
// "user:first:count". Mapped to 1 and what follows, in the order of the file. Lines that make no sense are
// left out, as newuidmap(1) does it.
std::vector<IdRange> subordinate_ids(std::string_view file, std::string_view name, uid_t id);

// Root is this process's user and group, 1 and what follows the ids of /etc/subuid and /etc/subgid. Where one
// of the two files grants nothing, root is all there is: has_one_id().
Result<IdMaps> own_id_maps();
bool has_one_id(const IdMaps& maps);

// This process enters new namespaces: a user namespace with these maps and those of `flags` (CLONE_NEW*),
// which belong to it. For a process with one thread. The working directory and all descriptors stay as they
// are. PermissionDenied or ResourceExhausted where the host does not let users have namespaces of their own.
Result<void> enter_own_namespaces(const IdMaps& maps, std::uint64_t flags);

}  // namespace gantry::kernel
