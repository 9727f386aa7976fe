// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/token_authenticator.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"
#include "kube/identity/bootstrap_token.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

// Knows "good", refuses "bad", and counts how often it was asked.
class Counting final : public TokenAuthenticator {
 public:
  Result<std::optional<TokenIdentity>> identify(std::string_view token,
                                                const std::vector<std::string>& /*audiences*/,
                                                std::int64_t /*now*/) const override {
    ++asked;
    if (token == "bad") return error(Code::PermissionDenied, "bad");
    if (!token.starts_with("good")) return std::optional<TokenIdentity>();
    return std::optional(TokenIdentity{.user = {.name = "x"}, .valid_until = valid_until});
  }
  mutable int asked = 0;
  std::int64_t valid_until = 0;
};

TEST(TokenAuthenticators, RememberWhatWasFoundForAWhile) {
  const auto counting = std::make_shared<Counting>();
  const TokenAuthenticators all({counting}, 10, 2);
  EXPECT_TRUE(MUST(all.identify("good", {"a"}, 100)));
  EXPECT_TRUE(MUST(all.identify("good", {"a"}, 109)));
  EXPECT_EQ(counting->asked, 1);
  EXPECT_TRUE(MUST(all.identify("good", {"b"}, 109))) << "for another audience it is another question";
  EXPECT_EQ(counting->asked, 2);
  EXPECT_TRUE(MUST(all.identify("good", {"a"}, 110)));
  EXPECT_EQ(counting->asked, 3);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(MUST(all.identify(fmt::format("good{}", i), {}, 100)));
}

TEST(TokenAuthenticators, NothingIsRememberedForLongerThanItIsValid) {
  const auto counting = std::make_shared<Counting>();
  counting->valid_until = 105;
  const TokenAuthenticators all({counting});
  (void)MUST(all.identify("good", {}, 100));
  (void)MUST(all.identify("good", {}, 106));
  EXPECT_EQ(counting->asked, 2);
}

TEST(TokenAuthenticators, OneThatKnowsItCountsMoreThanOneThatRefusesIt) {
  const TokenAuthenticators all({std::make_shared<Counting>(), std::make_shared<Counting>()});
  EXPECT_FALSE(MUST(all.identify("unknown", {}, 0)));
  EXPECT_EQ(all.identify("bad", {}, 0).error().code(), Code::PermissionDenied);
  EXPECT_FALSE(MUST(all.identify("", {}, 0)));
}

std::string bootstrap_secret(const std::string& more) {
  return fmt::format(
      R"({{"metadata":{{"namespace":"kube-system","name":"bootstrap-token-abcdef"}},)"
      R"("type":"bootstrap.kubernetes.io/token","data":{{"token-id":"{}","token-secret":"{}"{}}}}})",
      to_base64("abcdef"), to_base64("0123456789abcdef"), more);
}

std::string datum(const std::string& key, const std::string& value) {
  return fmt::format(R"(,"{}":"{}")", key, to_base64(value));
}

TEST(BootstrapTokens, AreSecretsInKubeSystem) {
  constexpr std::string_view kToken = "abcdef.0123456789abcdef";
  testing::TestObjects objects;
  const BootstrapTokens tokens(objects);
  const auto identify = [&](std::string_view token) { return tokens.identify(token, {}, 1'800'000'000); };
  EXPECT_FALSE(identify(kToken));
  const std::string usage = datum("usage-bootstrap-authentication", "true");
  objects.put(stored::kSecrets,
              bootstrap_secret(usage + datum("auth-extra-groups", "system:bootstrappers:workers")));
  const auto identity = MUST(identify(kToken));
  EXPECT_EQ(identity->user.name, "system:bootstrap:abcdef");
  EXPECT_EQ(identity->user.groups,
            (std::vector<std::string>{"system:bootstrappers", "system:bootstrappers:workers"}));
  EXPECT_FALSE(identify("abcdef.0123456789abcdeX").value()) << "not of that form";
  EXPECT_FALSE(identify("abcdef.0123456789abcdee"));
  objects.put(stored::kSecrets, bootstrap_secret(""));
  EXPECT_FALSE(identify(kToken)) << "not for authentication";
  objects.put(stored::kSecrets, bootstrap_secret(usage + datum("expiration", "2027-01-15T07:59:59Z")));
  EXPECT_FALSE(identify(kToken)) << "expired";
  objects.put(stored::kSecrets, bootstrap_secret(usage + datum("expiration", "2027-01-15T08:00:01Z")));
  EXPECT_TRUE(identify(kToken));
  objects.put(stored::kSecrets, bootstrap_secret(usage + datum("auth-extra-groups", "system:masters")));
  EXPECT_FALSE(identify(kToken));
}

}  // namespace
}  // namespace gantry::kube
