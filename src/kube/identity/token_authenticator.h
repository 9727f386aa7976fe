// SPDX-License-Identifier: Apache-2.0
//
// Whose is a bearer token? Several kinds are tried one after the other, and what one of them found is
// remembered for some seconds under the token's hash, so that a request costs a look-up. Tokens themselves
// are never kept and never logged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "kube/api/user.h"
#include "kube/identity/key.h"

namespace gantry::kube {

struct TokenIdentity {
  User user;  // without the group system:authenticated
  // Of those that were asked for, what the token is for; empty: its kind knows no audiences.
  std::vector<std::string> audiences;
  std::int64_t valid_until = 0;  // seconds since 1970; 0: nobody knows
};

// All calls are for any thread.
class TokenAuthenticator {
 public:
  virtual ~TokenAuthenticator() = default;
  // Nothing: the token is not of this kind. PermissionDenied and others: it is, and is not to be trusted.
  // `audiences`: the token must be for one of these. `now`: seconds since 1970.
  virtual Result<std::optional<TokenIdentity>> identify(std::string_view token,
                                                        const std::vector<std::string>& audiences,
                                                        std::int64_t now) const = 0;
};

// The first that knows the token counts. When none does, the error of one that refused it, if there is one.
class TokenAuthenticators final : public TokenAuthenticator {
 public:
  explicit TokenAuthenticators(std::vector<std::shared_ptr<const TokenAuthenticator>> members,
                               std::int64_t remembered_for = 10, std::size_t max_remembered = 4096)
      : members_(std::move(members)), remembered_for_(remembered_for), max_remembered_(max_remembered) {}

  Result<std::optional<TokenIdentity>> identify(std::string_view token,
                                                const std::vector<std::string>& audiences,
                                                std::int64_t now) const override;

 private:
  struct Remembered {
    std::shared_ptr<const TokenIdentity> identity;
    std::int64_t until = 0;
  };
  std::shared_ptr<const TokenIdentity> recall(const std::string& key, std::int64_t now) const;
  void remember(const std::string& key, std::shared_ptr<const TokenIdentity> identity,
                std::int64_t now) const;

  const std::vector<std::shared_ptr<const TokenAuthenticator>> members_;
  const std::int64_t remembered_for_;  // seconds
  const std::size_t max_remembered_;
  mutable Mutex mutex_;  // guards what follows
  mutable std::unordered_map<std::string, Remembered> remembered_ GUARDED_BY(mutex_);
};

}  // namespace gantry::kube
