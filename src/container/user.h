// SPDX-License-Identifier: Apache-2.0
//
// Who "user[:group]" is in a container: its own /etc/passwd and /etc/group say it. Those files are written
// by whoever made the image, so they are opened inside of the root, only read if they are files of bounded
// size, and nothing in them is believed but well-formed lines.
//
//   const kernel::RootDir root = TRY(kernel::RootDir::open(rootfs));
//   const ContainerUser user = TRY(find_user(root, config.user, host_config.group_add));
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kernel/rooted_path.h"

namespace gantry::container {

struct ContainerUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> additional_gids;  // ascending, each once; `gid` is among them
  std::string name;                            // of the uid, if the file knows one
  std::string home;                            // "/" if the file knows none
};

// `user`: "", "name", "uid", "name:group", "uid:gid" and mixtures; empty is uid 0. Without a group the
// user's own, and those that list it as a member; with one, only that. A number need not be in the files.
// `additional` are names or numbers (HostConfig.GroupAdd).
// InvalidArgument, in Docker's words: "unable to find user x: no matching entries in passwd file".
Result<ContainerUser> find_user(const kernel::RootDir& root, std::string_view user,
                                const std::vector<std::string>& additional = {});

// The same from the files' text.
struct UserFiles {
  std::string_view passwd;
  std::string_view group;
};
Result<ContainerUser> find_user(const UserFiles& files, std::string_view user,
                                const std::vector<std::string>& additional = {});

}  // namespace gantry::container
