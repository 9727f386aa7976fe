// SPDX-License-Identifier: Apache-2.0
//
// A new directory for what is not to stay: it is removed, with everything in it, with this object. A process
// that is killed leaves it to whoever tidies up in its parent.
#pragma once

#include <string>
#include <utility>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry {

class ScratchDirectory {
 public:
  // `prefix`: path and beginning of the name; the directory above has to be there.
  static Result<ScratchDirectory> make(const std::string& prefix);
  ScratchDirectory(ScratchDirectory&&) = default;
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory();

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  ScratchDirectory(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  UniqueFd fd_;  // none: moved from
};

}  // namespace gantry
