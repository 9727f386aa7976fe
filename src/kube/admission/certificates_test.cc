// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <gtest/gtest.h>

#include "base/base64.h"
#include "kube/admission/plugins.h"
#include "kube/admission/test_request.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kRequests = "certificatesigningrequests.certificates.k8s.io";

// Allows one verb on one signer.
class OneSigner final : public Authorizer {
 public:
  OneSigner(std::string verb, std::string name) : verb_(std::move(verb)), name_(std::move(name)) {}
  Decision decide(const AccessRequest& request) const override {
    const bool is_it = request.verb == verb_ && request.resource == "signers" && request.name == name_;
    return {.opinion = is_it ? Opinion::Allow : Opinion::None};
  }
  void list_rules(const User&, std::string_view, RuleList&) const override {}

 private:
  std::string verb_, name_;
};

constexpr const char* kObject = R"({"metadata":{"name":"c"},"spec":{"signerName":"example.com/a"}})";

TEST(CertificateApproval, is_for_those_who_may_approve_of_the_signer) {
  const auto approve = [](const Authorizer& authorizer) {
    return TestRequest(kRequests, kObject)
        .from(kObject)
        .to("approval")
        .validate(*certificate_approval(authorizer));
  };
  EXPECT_EQ(approve(OneSigner("approve", "example.com/a")), "");
  EXPECT_EQ(approve(OneSigner("approve", "example.com/*")), "");
  EXPECT_EQ(
      approve(OneSigner("approve", "example.com/b")),
      "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: user not permitted to approve "
      "requests with signerName \"example.com/a\"");
}

TEST(CertificateSigning, is_for_those_who_may_sign_for_the_signer) {
  const auto change = [](const char* status) {
    const OneSigner nobody("", "");
    return TestRequest(kRequests,
                       fmt::format(R"({{"metadata":{{"name":"c"}},"spec":{{"signerName":"example.com/a"}},)"
                                   R"("status":{}}})",
                                   status))
        .from(kObject)
        .to("status")
        .validate(*certificate_signing(nobody));
  };
  EXPECT_EQ(change("{}"), "") << "nothing is signed";
  EXPECT_EQ(change(R"({"certificate":"x"})"),
            "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: user not permitted to sign "
            "requests with signerName \"example.com/a\"");
}

// A request of a group, in base64 as the API has it.
std::string request_of(const char* group) {
  EVP_PKEY* key = ::EVP_EC_gen("P-256");
  X509_REQ* request = ::X509_REQ_new();
  ::X509_NAME_add_entry_by_txt(::X509_REQ_get_subject_name(request), "O", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(group), -1, -1, 0);
  ::X509_REQ_set_pubkey(request, key);
  ::X509_REQ_sign(request, key, ::EVP_sha256());
  BIO* bio = ::BIO_new(::BIO_s_mem());
  ::PEM_write_bio_X509_REQ(bio, request);
  char* data = nullptr;
  const long size = ::BIO_get_mem_data(bio, &data);
  const std::string text = to_base64(std::string_view(data, static_cast<std::size_t>(size)));
  ::BIO_free(bio);
  ::X509_REQ_free(request);
  ::EVP_PKEY_free(key);
  return text;
}

TEST(CertificateSubjectRestriction, makes_no_masters) {
  const auto ask = [](const char* signer, const char* group) {
    return TestRequest(
               kRequests,
               fmt::format(R"({{"metadata":{{"name":"c"}},"spec":{{"signerName":"{}","request":"{}"}}}})",
                           signer, request_of(group)))
        .validate(*certificate_subject_restriction());
  };
  EXPECT_EQ(ask("kubernetes.io/kube-apiserver-client", "people"), "");
  EXPECT_EQ(ask("example.com/a", "system:masters"), "");
  EXPECT_EQ(ask("kubernetes.io/kube-apiserver-client", "system:masters"),
            "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: use of "
            "kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed");
}

}  // namespace
}  // namespace gantry::kube::admission
