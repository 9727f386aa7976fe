// SPDX-License-Identifier: Apache-2.0
#include "image/key_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include "image/locked_file.h"
#include "oci/image/digest.h"

namespace gantry::image {

static std::string path_of(const std::string& root, std::string_view key) {
  // A key may be longer than a file name, and hold anything.
  return root + "/locks/" + oci::digest_of(key).hex();
}

Result<KeyLock> KeyLock::acquire(const std::string& root, std::string_view key) {
  std::string path = path_of(root, key);
  UniqueFd fd = *TRY_DURING(lock_file(AT_FDCWD, path, IfMissing::Create, Wait::Yes), "wait for '{}'", key);
  return KeyLock(std::move(path), std::move(fd));
}

Result<std::optional<KeyLock>> KeyLock::try_acquire(const std::string& root, std::string_view key) {
  std::string path = path_of(root, key);
  auto fd = TRY_DURING(lock_file(AT_FDCWD, path, IfMissing::Create, Wait::No), "take '{}'", key);
  if (!fd) return std::optional<KeyLock>();
  return std::optional(KeyLock(std::move(path), *std::move(fd)));
}

KeyLock& KeyLock::operator=(KeyLock&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

KeyLock::~KeyLock() {
  if (fd_) (void)::unlink(path_.c_str());  // before it is free, so that who waits for it looks again
}

}  // namespace gantry::image
