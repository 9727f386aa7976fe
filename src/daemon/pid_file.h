// SPDX-License-Identifier: Apache-2.0
//
// A file that says which process a daemon is, and goes away with it. It is locked (flock(2)) as long as the
// process lives, so one that a killed daemon left is in nobody's way, and two daemons cannot have the same.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::daemon {

class PidFile {
 public:
  PidFile() = default;  // none
  // Conflict when a process that lives has it.
  static Result<PidFile> make(const std::string& path);
  PidFile(PidFile&&) noexcept = default;
  PidFile& operator=(PidFile&&) noexcept = default;
  ~PidFile();

 private:
  PidFile(UniqueFd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  UniqueFd file_;
  std::string path_;
};

}  // namespace gantry::daemon
