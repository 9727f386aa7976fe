// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/bootstrap_token.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/split.h"
#include "base/timestamp.h"
#include "kube/api/stored_kinds.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kIdSize = 6;
constexpr std::size_t kSecretSize = 16;
constexpr std::string_view kGroup = "system:bootstrappers";

bool is_word(std::string_view text, std::size_t size) {
  return text.size() == size &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

Error refused(std::string_view id, std::string_view why) {
  return error(Code::PermissionDenied, "bootstrap token '{}': {}", id, why);
}

std::string datum(const json::Tree& secret, const char* key) {
  return from_base64(secret.text_at("data", key)).value_or(std::string());
}

Result<std::vector<std::string>> groups_of(const json::Tree& secret, std::string_view id) {
  std::vector<std::string> groups = {std::string(kGroup)};
  const std::string extra = datum(secret, "auth-extra-groups");
  for (const std::string_view group : split_words(extra, ',')) {
    if (!group.starts_with("system:bootstrappers:"))
      return refused(id, "a group that is not for bootstrapping");
    groups.emplace_back(group);
  }
  return groups;
}

}  // namespace

Result<std::optional<TokenIdentity>> BootstrapTokens::identify(std::string_view token,
                                                               const std::vector<std::string>& /*audiences*/,
                                                               std::int64_t now) const {
  if (token.size() != kIdSize + 1 + kSecretSize || token[kIdSize] != '.')
    return std::optional<TokenIdentity>();
  const std::string_view id = token.substr(0, kIdSize), word = token.substr(kIdSize + 1);
  if (!is_word(id, kIdSize) || !is_word(word, kSecretSize)) return std::optional<TokenIdentity>();

  const auto secret = objects_.get(stored::kSecrets, "kube-system", fmt::format("bootstrap-token-{}", id));
  if (!secret || secret->text_at("type") != "bootstrap.kubernetes.io/token")
    return refused(id, "there is no such");
  if (secret->find("metadata", "deletionTimestamp") != nullptr) return refused(id, "it is being deleted");
  if (datum(*secret, "token-id") != id || !equal_secrets(datum(*secret, "token-secret"), word))
    return refused(id, "the secret is another");
  if (datum(*secret, "usage-bootstrap-authentication") != "true")
    return refused(id, "it is not for authentication");
  TokenIdentity identity{.user = {.name = fmt::format("system:bootstrap:{}", id)}};
  if (const std::string expiration = datum(*secret, "expiration"); !expiration.empty()) {
    const auto expires = parse_timestamp(expiration);
    if (!expires || *expires / 1'000'000'000 <= now) return refused(id, "it has expired");
    identity.valid_until = *expires / 1'000'000'000;
  }
  identity.user.groups = TRY(groups_of(*secret, id));
  return std::optional(std::move(identity));
}

}  // namespace gantry::kube
