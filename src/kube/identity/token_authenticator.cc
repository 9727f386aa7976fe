// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/token_authenticator.h"

#include <algorithm>

namespace gantry::kube {
namespace {

constexpr std::size_t kMaxToken = 64 << 10;  // bytes

// The same token may be looked at for other audiences, too (TokenReview).
std::string key_of(std::string_view token, const std::vector<std::string>& audiences) {
  std::string text(token);
  for (const std::string& audience : audiences) text.append(1, '\0').append(audience);
  const Sha256 hash = sha256(text);
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace

Result<std::optional<TokenIdentity>> TokenAuthenticators::identify(std::string_view token,
                                                                   const std::vector<std::string>& audiences,
                                                                   std::int64_t now) const {
  if (token.empty() || token.size() > kMaxToken) return std::optional<TokenIdentity>();
  const std::string key = key_of(token, audiences);
  if (const auto known = recall(key, now)) return std::optional(*known);
  std::optional<Error> refused;
  for (const auto& member : members_) {
    auto answer = member->identify(token, audiences, now);
    if (answer && *answer) {
      remember(key, std::make_shared<const TokenIdentity>(**answer), now);
      return answer;
    }
    if (!answer && !refused) refused = std::move(answer).error();
  }
  if (refused) return *std::move(refused);
  return std::optional<TokenIdentity>();
}

std::shared_ptr<const TokenIdentity> TokenAuthenticators::recall(const std::string& key,
                                                                 std::int64_t now) const {
  MutexLock lock(mutex_);
  const auto found = remembered_.find(key);
  if (found == remembered_.end()) return nullptr;
  if (now < found->second.until) return found->second.identity;
  remembered_.erase(found);
  return nullptr;
}

void TokenAuthenticators::remember(const std::string& key, std::shared_ptr<const TokenIdentity> identity,
                                   std::int64_t now) const {
  std::int64_t until = now + remembered_for_;
  if (identity->valid_until != 0) until = std::min(until, identity->valid_until);
  MutexLock lock(mutex_);
  // Any one goes: who needs it is asked again.
  if (remembered_.size() >= max_remembered_ && !remembered_.empty()) remembered_.erase(remembered_.begin());
  remembered_[key] = {std::move(identity), until};
}

}  // namespace gantry::kube
