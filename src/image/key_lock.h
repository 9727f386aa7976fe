// SPDX-License-Identifier: Apache-2.0
//
// A lock with a name, among all threads and processes that use one store: so that a thing is done once even
// when many ask for it. Ends with its owner, or with the owner's process.
//
//   KeyLock lock = TRY(KeyLock::acquire(store.root(), "fetch " + digest.str()));
//   if (!TRY(store.content().has(digest))) ...
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::image {

class KeyLock {
 public:
  // Waits for whoever has it. `root` is the store's; `key` is any text.
  static Result<KeyLock> acquire(const std::string& root, std::string_view key);
  // Nothing if someone has it.
  static Result<std::optional<KeyLock>> try_acquire(const std::string& root, std::string_view key);
  KeyLock(KeyLock&&) noexcept = default;
  KeyLock& operator=(KeyLock&&) noexcept;
  ~KeyLock();

 private:
  KeyLock(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;  // the file is removed with the lock
  UniqueFd fd_;       // locked by flock(2)
};

}  // namespace gantry::image
