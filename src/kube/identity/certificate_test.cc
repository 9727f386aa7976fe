// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/certificate.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::int64_t kYear = 365 * 86'400;

Authority authority(const std::string& name) {
  return MUST(Authority::create(name, MUST(Key::generate()), kNow, kNow + 10 * kYear));
}

TEST(Authority, IssuesWhatItWasAskedFor) {
  const Authority ca = authority("kubernetes");
  const Key key = MUST(Key::generate());
  const std::string pem = MUST(
      ca.issue({.common_name = "kube-apiserver",
                .organizations = {"ops", "dev"},
                .names = {.dns = {"kubernetes", "kubernetes.default"}, .addresses = {"10.96.0.1", "::1"}},
                .for_servers = true,
                .not_before = kNow,
                .not_after = kNow + kYear},
               key));
  const CertificateInfo info = MUST(read_certificate(pem));
  EXPECT_EQ(info.common_name, "kube-apiserver");
  EXPECT_EQ(info.organizations, (std::vector<std::string>{"ops", "dev"}));
  EXPECT_EQ(info.names.dns, (std::vector<std::string>{"kubernetes", "kubernetes.default"}));
  EXPECT_EQ(info.names.addresses, (std::vector<std::string>{"10.96.0.1", "::1"}));
  EXPECT_EQ(info.not_after, kNow + kYear);
  EXPECT_EQ(info.key_id, key.id());
  EXPECT_FALSE(info.is_authority);
  EXPECT_TRUE(ca.has_signed(pem));
  EXPECT_FALSE(authority("kubernetes").has_signed(pem)) << "another one of the same name";
}

TEST(Authority, NothingThatItSignsOutlivesIt) {
  const Authority ca = authority("kubernetes");
  const std::string pem = MUST(
      ca.issue({.common_name = "a", .for_clients = true, .not_before = kNow, .not_after = kNow + 100 * kYear},
               MUST(Key::generate())));
  EXPECT_EQ(MUST(read_certificate(pem)).not_after, kNow + 10 * kYear);
}

TEST(Authority, IsReadAgainWithItsOwnKeyOnly) {
  const Key key = MUST(Key::generate());
  const Authority ca = MUST(Authority::create("kubernetes", key, kNow, kNow + kYear));
  EXPECT_TRUE(ca.info().is_authority);
  EXPECT_EQ(MUST(Authority::load(ca.pem(), key)).info().fingerprint, ca.info().fingerprint);
  EXPECT_FALSE(Authority::load(ca.pem(), MUST(Key::generate())));
  const std::string leaf =
      MUST(ca.issue({.common_name = "x", .not_before = kNow, .not_after = kNow + 1}, key));
  EXPECT_FALSE(Authority::load(leaf, key));
}

TEST(SigningRequest, SaysWhatItsOwnerWants) {
  const Key key = MUST(Key::generate());
  const std::string pem = MUST(make_signing_request({.common_name = "system:node:n1",
                                                     .organizations = {"system:nodes"},
                                                     .names = {.dns = {"n1"}, .addresses = {"10.0.0.1"}}},
                                                    key));
  const SigningRequest request = MUST(read_signing_request(pem));
  EXPECT_EQ(request.common_name, "system:node:n1");
  EXPECT_EQ(request.organizations, std::vector<std::string>{"system:nodes"});
  EXPECT_EQ(request.names.dns, std::vector<std::string>{"n1"});
  EXPECT_EQ(request.names.addresses, std::vector<std::string>{"10.0.0.1"});
  EXPECT_EQ(request.key.id(), key.id());
  EXPECT_FALSE(
      read_signing_request("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"));
}

TEST(Certificates, AreReadFromABundle) {
  const std::string bundle = authority("a").pem() + "# comment\n" + authority("b").pem();
  const auto infos = MUST(read_certificates(bundle));
  ASSERT_EQ(infos.size(), 2u);
  EXPECT_EQ(infos[1].common_name, "b");
  EXPECT_FALSE(read_certificates("nothing"));
}

}  // namespace
}  // namespace gantry::kube
