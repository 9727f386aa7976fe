// SPDX-License-Identifier: Apache-2.0
#include "kube/encryption/encryption.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/hex.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

const std::string kKey32(32, 'k');

using Make = Result<std::unique_ptr<const Cipher>> (*)(std::string_view key);

class CipherTest : public ::testing::TestWithParam<Make> {};

TEST_P(CipherTest, GivesBackWhatWasEncryptedAndNothingElse) {
  const auto cipher = MUST(GetParam()(kKey32));
  for (const std::size_t size : {0, 1, 15, 16, 31, 32, 33, 64, 95, 96, 97, 1000}) {
    const std::string text(size, 'x');
    const std::string bytes = MUST(cipher->encrypt("/a", text));
    EXPECT_EQ(MUST(cipher->decrypt("/a", bytes)), text) << size;
    EXPECT_NE(MUST(cipher->encrypt("/a", text)), bytes) << "a nonce of its own";
    EXPECT_FALSE(MUST(GetParam()(std::string(32, 'l')))->decrypt("/a", bytes).value_or("") == text &&
                 size > 0);
    for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, bytes.size() / 2, bytes.size() - 1})
      EXPECT_NE(cipher->decrypt("/a", bytes.substr(0, cut)).value_or("other"), text);
  }
}
INSTANTIATE_TEST_SUITE_P(All, CipherTest,
                         ::testing::Values(make_aes_cbc, make_aes_gcm, make_seeded_gcm, make_secretbox));

TEST(Ciphers, ThoseThatAuthenticateNoticeEveryChange) {
  for (const Make make : {make_aes_gcm, make_seeded_gcm, make_secretbox}) {
    const auto cipher = MUST(make(kKey32));
    const std::string bytes = MUST(cipher->encrypt("/a", "a secret"));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      EXPECT_EQ(cipher->decrypt("/a", changed).error().code(), Code::DataLoss) << i;
    }
  }
  const auto gcm = MUST(make_aes_gcm(kKey32));
  EXPECT_FALSE(gcm->decrypt("/b", MUST(gcm->encrypt("/a", "a secret"))))
      << "it belongs to another key of the store";
}

// Made by NaCl with the key 1 x 32, the nonce 2 x 24 and the text 3 x 64.
TEST(Ciphers, ASecretboxIsNaCls) {
  const std::string box =
      std::string(24, '\2') +
      *from_hex(
          "8442bc313f4626f1359e3b50122b6ce6fe66ddfe7d39d14e637eb4fd5b45beadab55198df6ab536843"
          "9792a23c87db70acb6156dc5ef957ac04f6276cf6093b84be77ff0849cc33e34b7254d5a8f65ad");
  EXPECT_EQ(MUST(MUST(make_secretbox(std::string(32, '\1')))->decrypt("", box)), std::string(64, '\3'));
}

// Made by Python's cryptography, HKDFExpand and AESGCM: the seed 1 x 32, what it is expanded by 2 x 32, the
// nonce 3 x 12.
TEST(Ciphers, ASeedMakesTheKeysThatHkdfMakes) {
  const std::string bytes = std::string(32, '\2') + std::string(12, '\3') +
                            *from_hex("716a97d701bf81fd105d08b7715d01f8cd2dbb4a1e86c97e");
  EXPECT_EQ(MUST(MUST(make_seeded_gcm(std::string(32, '\1')))->decrypt("/a", bytes)), "a secret");
}

TEST(Ciphers, KeysMustHaveTheirSize) {
  EXPECT_TRUE(make_aes_cbc(std::string(16, 'k')));
  EXPECT_FALSE(make_aes_cbc(std::string(17, 'k')));
  EXPECT_FALSE(make_aes_gcm(""));
  EXPECT_FALSE(make_secretbox(std::string(16, 'k')));
  EXPECT_FALSE(make_seeded_gcm(std::string(31, 'k')));
}

std::string config(const std::string& providers, const std::string& resources = "[secrets]") {
  return fmt::format(
      "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n- resources: {}\n"
      "  providers: [{}]\n",
      resources, providers);
}

std::string provider(const std::string& kind, const std::string& name, char letter) {
  return fmt::format("{{{}: {{keys: [{{name: {}, secret: {}}}]}}}}", kind, name,
                     to_base64(std::string(32, letter)));
}

TEST(Encryption, WritesWithTheFirstKeyAndReadsWithAll) {
  const auto old = MUST(Encryption::parse(config(provider("aescbc", "key1", 'a') + ", {identity: {}}")));
  const std::string value = MUST(old->to_store("secrets", "/registry/secrets/a/b", "text"));
  EXPECT_TRUE(value.starts_with("k8s:enc:aescbc:v1:key1:"));
  EXPECT_EQ(value.find("text"), value.npos);
  EXPECT_EQ(MUST(old->from_store("secrets", "/registry/secrets/a/b", value)), "text");
  EXPECT_EQ(MUST(old->from_store("secrets", "/registry/secrets/a/b", "{plain}")), "{plain}") << "from before";

  const auto rotated = MUST(
      Encryption::parse(config(provider("aesgcm", "key2", 'b') + ", " + provider("aescbc", "key1", 'a'))));
  EXPECT_EQ(MUST(rotated->from_store("secrets", "/registry/secrets/a/b", value)), "text");
  EXPECT_TRUE(MUST(rotated->to_store("secrets", "/k", "text")).starts_with("k8s:enc:aesgcm:v1:key2:"));
  EXPECT_EQ(rotated->from_store("secrets", "/k", "{plain}").error().code(), Code::DataLoss);

  const auto without = MUST(Encryption::parse(config(provider("secretbox", "key3", 'c'))));
  EXPECT_EQ(without->from_store("secrets", "/registry/secrets/a/b", value).error().code(), Code::DataLoss);
}

TEST(Encryption, KindsAreNamedAsInKubernetes) {
  const auto is_for = [](const std::string& resources, std::string_view stored_as) {
    return MUST(Encryption::parse(config("{identity: {}}", resources)))->is_for(stored_as);
  };
  EXPECT_TRUE(is_for("[secrets]", "secrets"));
  EXPECT_FALSE(is_for("[secrets]", "example.com/secrets"));
  EXPECT_TRUE(is_for("[deployments.apps]", "apps/deployments"));
  EXPECT_FALSE(is_for("[deployments.apps]", "deployments"));
  EXPECT_TRUE(is_for("['*.apps']", "apps/daemonsets"));
  EXPECT_TRUE(is_for("['*.']", "configmaps"));
  EXPECT_FALSE(is_for("['*.']", "apps/daemonsets"));
  EXPECT_TRUE(is_for("['*.*']", "example.com/things"));
}

TEST(Encryption, MistakesAreNamedWithoutTheKey) {
  const auto why = [](const std::string& text) {
    const auto parsed = Encryption::parse(text);
    return parsed ? std::string() : parsed.error().message();
  };
  EXPECT_NE(why(config("{aescbc: {keys: [{name: a, secret: c2hvcnQ=}]}}")).find("aescbc.keys[0]"),
            std::string::npos);
  EXPECT_EQ(why(config("{aescbc: {keys: [{name: a, secret: c2hvcnQ=}]}}")).find("short"), std::string::npos);
  EXPECT_NE(why(config("{kms: {name: a}}")).find("kms: apiVersion: v2"), std::string::npos);
  const auto kms = [&](std::string_view settings) {
    return why(config(fmt::format("{{kms: {{apiVersion: v2, {}}}}}", settings)));
  };
  EXPECT_EQ(kms("name: a, endpoint: 'unix:///run/kms.sock', timeout: 1s"), "");
  EXPECT_NE(kms("name: a, endpoint: 'tcp://localhost:1'").find("kms: endpoint"), std::string::npos);
  EXPECT_NE(kms("name: 'a:b', endpoint: 'unix:///run/kms.sock'").find("kms: name"), std::string::npos);
  for (const char* timeout : {"0s", "-1s", "1h", "soon"})
    EXPECT_NE(kms(fmt::format("name: a, endpoint: 'unix:///k', timeout: {}", timeout)).find("kms: timeout"),
              std::string::npos)
        << timeout;
  EXPECT_NE(why(config("{rot13: {}}")), "");
  EXPECT_NE(why(config("")), "");
  EXPECT_NE(why(config(provider("aescbc", "'a:b'", 'a'))), "");
  EXPECT_NE(why(config(provider("aescbc", "a", 'a') + "," + provider("aescbc", "a", 'b'))), "");
  EXPECT_NE(why("kind: Pod"), "");
  EXPECT_NE(why("["), "");
}

}  // namespace
}  // namespace gantry::kube
