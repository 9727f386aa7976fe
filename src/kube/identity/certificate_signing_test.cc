// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/certificate_signing.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
constexpr const char* kClientUsages = R"(["digital signature","client auth"])";
constexpr const char* kServerUsages = R"(["digital signature","key encipherment","server auth"])";

json::Tree request(const char* signer, const CertificateTerms& terms, const std::string& usages,
                   const std::string& conditions = R"([{"type":"Approved"}])", const std::string& more = "") {
  const std::string pem = MUST(make_signing_request(terms, MUST(Key::generate())));
  return MUST(json::Tree::parse(
      fmt::format(R"({{"metadata":{{"name":"r"}},"spec":{{"signerName":"{}","request":"{}","usages":{},)"
                  R"("username":"system:node:n1"{}}},"status":{{"conditions":{}}}}})",
                  signer, to_base64(pem), usages, more, conditions)));
}

const CertificateTerms kNode = {.common_name = "system:node:n1", .organizations = {"system:nodes"}};

class SigningTest : public ::testing::Test {
 protected:
  SigningTest()
      : authority(MUST(Authority::create("kubernetes", MUST(Key::generate()), kNow, kNow + 100'000'000))) {}
  // The certificate that comes of it, or why there is none.
  std::string outcome(const json::Tree& wanted) {
    const auto done = MUST(sign(authority, wanted, kNow));
    if (!done) return "nothing";
    if (const auto pem = from_base64(done->text_at("status", "certificate")); pem && !pem->empty()) {
      issued = MUST(read_certificate(*pem));
      return "signed";
    }
    return std::string(done->find("status", "conditions")->array().back().text_at("message"));
  }
  Authority authority;
  CertificateInfo issued;
};

TEST_F(SigningTest, SignsWhatASignerIsFor) {
  EXPECT_EQ(outcome(request(kNodeClientSigner, kNode, kClientUsages)), "signed");
  EXPECT_EQ(issued.common_name, "system:node:n1");
  CertificateTerms server = kNode;
  server.names.dns = {"n1"};
  EXPECT_EQ(outcome(request(kNodeServingSigner, server, kServerUsages)), "signed");
  EXPECT_EQ(issued.names.dns, std::vector<std::string>{"n1"});
  EXPECT_EQ(outcome(request(kClientSigner, {.common_name = "alice", .organizations = {"dev"}}, kClientUsages,
                            R"([{"type":"Approved"}])", R"(,"expirationSeconds":3600)")),
            "signed");
  EXPECT_EQ(issued.not_after, kNow + 3600);
}

TEST_F(SigningTest, RefusesWhatItIsNotFor) {
  EXPECT_EQ(outcome(request(kNodeClientSigner, {.common_name = "system:node:n1"}, kClientUsages)),
            "subject organization is not system:nodes");
  EXPECT_EQ(outcome(request(kNodeClientSigner, {.common_name = "root", .organizations = {"system:nodes"}},
                            kClientUsages)),
            "subject common name does not begin with system:node:");
  EXPECT_EQ(outcome(request(kNodeServingSigner, kNode, kServerUsages)),
            "DNS or IP subjectAltName is required");
  EXPECT_EQ(outcome(request(kNodeClientSigner, kNode, kServerUsages)), "usages are not those of a client");
  EXPECT_EQ(outcome(request(kClientSigner, {.common_name = "a"}, R"(["client auth","cert sign"])")),
            "usage 'cert sign' is not for clients");
}

TEST_F(SigningTest, LeavesAloneWhatIsNotItsBusiness) {
  EXPECT_EQ(outcome(request("example.com/signer", kNode, kClientUsages)), "nothing");
  EXPECT_EQ(outcome(request(kNodeClientSigner, kNode, kClientUsages, "[]")), "nothing");
  EXPECT_EQ(
      outcome(request(kNodeClientSigner, kNode, kClientUsages, R"([{"type":"Approved"},{"type":"Denied"}])")),
      "nothing");
  const json::Tree done = *MUST(sign(authority, request(kNodeClientSigner, kNode, kClientUsages), kNow));
  EXPECT_EQ(outcome(done), "nothing");
}

TEST(Approval, ANodesOwnCertificateIsApprovedForWhoMayAsk) {
  const json::Tree wanted = request(kNodeClientSigner, kNode, kClientUsages, "[]");
  EXPECT_FALSE(approve(*always_deny(), wanted, kNow));
  const auto approved = approve(*always_allow(), wanted, kNow);
  ASSERT_TRUE(approved);
  const json::Tree& condition = approved->find("status", "conditions")->array()[0];
  EXPECT_EQ(condition.text_at("type"), "Approved");
  EXPECT_EQ(condition.text_at("lastUpdateTime"), "2027-01-15T08:00:00Z");
  EXPECT_FALSE(approve(*always_allow(), *approved, kNow)) << "once";
  EXPECT_FALSE(approve(*always_allow(), request(kClientSigner, kNode, kClientUsages, "[]"), kNow));
}

}  // namespace
}  // namespace gantry::kube
