// SPDX-License-Identifier: Apache-2.0
//
// The little that the runtime reads from a container's own /etc/passwd. The file
// is written by whoever made the image, so nothing in it is believed but a
// well-formed line, and a file that is not a file or too large is left alone.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace gantry::runtime {

// The home directory of the first well-formed line with that uid ("name:x:uid:gid:gecos:home:shell").
std::optional<std::string> home_directory(std::string_view passwd, uid_t uid);

// The name of the first such line with that uid.
std::optional<std::string> user_name(std::string_view passwd, uid_t uid);

// /etc/passwd of this process's root; empty when there is none that can be read.
std::string read_passwd();

}  // namespace gantry::runtime
