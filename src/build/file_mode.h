// SPDX-License-Identifier: Apache-2.0
//
// What --chmod says: "0644", or changes as in chmod(1), "u=rwX,go=rX".
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::build {

class FileMode {
 public:
  // InvalidArgument says what can be written.
  static Result<FileMode> parse(std::string_view text);
  // The mode (07777) of a file that had `mode`.
  mode_t apply(mode_t mode, bool is_directory) const;

 private:
  struct Change {
    mode_t who = 0;              // the bits that it may touch
    char operation = '=';        // of "+-="
    mode_t bits = 0;             // for every class; 0111 only if `if_executable` is not what gives them
    bool if_executable = false;  // "X": directories, and files that somebody may execute
  };
  static Result<Change> parse_change(std::string_view text, std::string_view whole);
  std::optional<mode_t> absolute_;
  std::vector<Change> changes_;
};

}  // namespace gantry::build
