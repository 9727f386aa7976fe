// SPDX-License-Identifier: Apache-2.0
//
// Accounts from a file as Apache's htpasswd writes it: "user:hash" a line. Hashes are those that crypt(3)
// verifies and that take an attacker real work: bcrypt ($2a$, $2b$, $2y$: `htpasswd -B`), yescrypt ($y$) and
// SHA-crypt ($5$, $6$). Any other (apr1, {SHA}, plain text, DES) makes the file an error naming the line.
//
// The file is read again when it changes; if the new one is not valid, nobody new gets in until it is.
// May be used by any thread. Verifying takes as long as the hash wants (tens of milliseconds and more), so
// a right password is remembered for a while, as a keyed hash.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/mutex.h"

namespace gantry::registry {

using Accounts = std::map<std::string, std::string, std::less<>>;  // user -> hash

Result<Accounts> parse_htpasswd(std::string_view text);

// Whether `password` gives `hash`, by crypt(3).
bool verify_password(const std::string& password, const std::string& hash);

class Htpasswd {
 public:
  // An error if the file cannot be read or is not valid.
  static Result<std::unique_ptr<Htpasswd>> open(std::string path);

  // Takes as long for a name that is not there.
  bool verify(const std::string& user, const std::string& password);

  // Changes when the user's password does; empty if there is no such user. For tokens that outlive a session.
  std::string generation(std::string_view user);

 private:
  using Clock = std::chrono::steady_clock;
  explicit Htpasswd(std::string path);

  Result<void> load() REQUIRES(mutex_);
  void reload_if_changed() REQUIRES(mutex_);
  std::string remembered_as(std::string_view user, std::string_view password, std::string_view hash) const;

  const std::string path_;
  const std::string key_;  // of the remembered passwords; random, never leaves the process
  Mutex mutex_;            // guards what follows; not held while a password is verified
  Accounts accounts_ GUARDED_BY(mutex_);
  struct stat read_at_ GUARDED_BY(mutex_) = {};
  std::map<std::string, Clock::time_point> remembered_ GUARDED_BY(mutex_);  // until when
};

}  // namespace gantry::registry
