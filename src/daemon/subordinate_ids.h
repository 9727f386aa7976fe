// SPDX-License-Identifier: Apache-2.0
//
// Which ids containers get on the host: dockerd's --userns-remap, by /etc/subuid and /etc/subgid
// (subuid(5), subgid(5)).
//
//   kernel::IdMaps maps = TRY(subordinate_ids("default"));
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "kernel/id_map.h"

namespace gantry::daemon {

// "default", which is the user and group "dockremap", "user", "uid", "user:group", "uid:gid" and mixtures.
// Without a group it is the one of the user's name. All ranges of the user are put one behind the other,
// beginning with id 0 inside. Users are not made: only their ranges are needed, and the host's files are the
// host's. NotFound says what to write into them.
Result<kernel::IdMaps> subordinate_ids(const std::string& remap, const std::string& etc = "/etc");

// The ranges of `name` (or of the number `id`, if there is one) in the text of such a file. InvalidArgument
// for a line that cannot be.
Result<std::vector<kernel::IdRange>> parse_subordinate_ids(std::string_view text, std::string_view name,
                                                           std::string_view id);

}  // namespace gantry::daemon
