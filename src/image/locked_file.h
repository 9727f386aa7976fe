// SPDX-License-Identifier: Apache-2.0
//
// Files that say by a lock (flock(2)) that their owner lives: the kernel takes the lock away with the last
// descriptor, however the owner ends. Whoever removes one has it locked, and whoever locks one looks whether
// it was removed meanwhile; so a name is never two files that both count.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::image {

enum class Wait : std::uint8_t { No, Yes };
enum class IfMissing : std::uint8_t { Create, Fail };

// Opens the file for reading and writing, and locks it. Nothing if someone has it and `wait` is No. With
// Fail: NotFound if it is not there.
Result<std::optional<UniqueFd>> lock_file(int dir, const std::string& name, IfMissing if_missing, Wait wait);

}  // namespace gantry::image
