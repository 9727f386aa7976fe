// SPDX-License-Identifier: Apache-2.0
//
// A fresh directory that goes away with its owner, whatever a test left in it.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace gantry::testing {

class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }
  // path() + "/" + name
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace gantry::testing
