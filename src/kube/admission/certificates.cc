// SPDX-License-Identifier: Apache-2.0
//
// CertificateApproval, CertificateSigning and CertificateSubjectRestriction: signers are resources of their
// own to authorisation ("approve" and "sign" of certificates.k8s.io/signers), which no path names
// (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization).
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include <fmt/format.h>

#include "base/base64.h"
#include "kube/admission/plugins.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kGroup = "certificates.k8s.io";
constexpr const char* kPlural = "certificatesigningrequests";
constexpr std::string_view kClientSigner = "kubernetes.io/kube-apiserver-client";

// By its whole name, or by all of its domain.
bool may(const Authorizer& authorizer, const User& user, const char* verb, std::string_view signer) {
  const std::string domain(signer.substr(0, signer.find('/')));
  for (const std::string& name : {std::string(signer), domain + "/*"}) {
    const AccessRequest request{
        .user = user, .verb = verb, .group = kGroup, .version = "*", .resource = "signers", .name = name};
    if (authorizer.decide(request).is_allowed()) return true;
  }
  return false;
}

class CertificateApproval final : public Plugin {
 public:
  explicit CertificateApproval(const Authorizer& authorizer) : authorizer_(authorizer) {}
  std::string_view name() const override { return "CertificateApproval"; }

  Answer<void> validate(AdmissionRequest& request) const override {
    if (!request.is_about(kGroup, kPlural) || request.subresource != "approval" ||
        request.old_object == nullptr)
      return {};
    const std::string_view signer = request.old_object->text_at("spec", "signerName");
    if (may(authorizer_, request.user, "approve", signer)) return {};
    return request.forbidden(
        fmt::format("user not permitted to approve requests with signerName \"{}\"", signer));
  }

 private:
  const Authorizer& authorizer_;
};

class CertificateSigning final : public Plugin {
 public:
  explicit CertificateSigning(const Authorizer& authorizer) : authorizer_(authorizer) {}
  std::string_view name() const override { return "CertificateSigning"; }

  Answer<void> validate(AdmissionRequest& request) const override {
    if (!request.is_about(kGroup, kPlural) || request.subresource != "status" ||
        request.old_object == nullptr)
      return {};
    const json::Tree &before = *request.old_object, &after = *request.object;
    if (before.text_at("status", "certificate") == after.text_at("status", "certificate") &&
        conditions_of(before) == conditions_of(after))
      return {};
    const std::string_view signer = before.text_at("spec", "signerName");
    if (may(authorizer_, request.user, "sign", signer)) return {};
    return request.forbidden(
        fmt::format("user not permitted to sign requests with signerName \"{}\"", signer));
  }

 private:
  static json::Tree conditions_of(const json::Tree& object) {
    const json::Tree* conditions = object.find("status", "conditions");
    return conditions == nullptr ? json::Tree(json::TreeArray()) : *conditions;
  }

  const Authorizer& authorizer_;
};

struct Freer {
  void operator()(BIO* bio) const { ::BIO_free(bio); }
  void operator()(X509_REQ* request) const { ::X509_REQ_free(request); }
};

// Whether a certificate request asks for membership in the group that may do everything. What cannot be read
// asks for nothing: nobody will sign it.
bool asks_for_masters(std::string_view encoded) {
  const auto pem = from_base64(encoded);
  if (!pem) return false;
  const std::unique_ptr<BIO, Freer> bio(::BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())));
  const std::unique_ptr<X509_REQ, Freer> parsed(
      ::PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
  if (parsed == nullptr) return false;
  const X509_NAME* subject = ::X509_REQ_get_subject_name(parsed.get());
  for (int at = -1; (at = ::X509_NAME_get_index_by_NID(subject, NID_organizationName, at)) >= 0;) {
    const ASN1_STRING* text = ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(subject, at));
    const std::string_view group(reinterpret_cast<const char*>(::ASN1_STRING_get0_data(text)),
                                 static_cast<std::size_t>(::ASN1_STRING_length(text)));
    if (group == kMastersGroup) return true;
  }
  return false;
}

class CertificateSubjectRestriction final : public Plugin {
 public:
  std::string_view name() const override { return "CertificateSubjectRestriction"; }

  Answer<void> validate(AdmissionRequest& request) const override {
    if (!request.creates(kGroup, kPlural)) return {};
    if (request.object->text_at("spec", "signerName") != kClientSigner) return {};
    if (!asks_for_masters(request.object->text_at("spec", "request"))) return {};
    return request.forbidden(
        fmt::format("use of {} signer with {} group is not allowed", kClientSigner, kMastersGroup));
  }
};

}  // namespace

std::unique_ptr<Plugin> certificate_approval(const Authorizer& authorizer) {
  return std::make_unique<CertificateApproval>(authorizer);
}
std::unique_ptr<Plugin> certificate_signing(const Authorizer& authorizer) {
  return std::make_unique<CertificateSigning>(authorizer);
}
std::unique_ptr<Plugin> certificate_subject_restriction() {
  return std::make_unique<CertificateSubjectRestriction>();
}

}  // namespace gantry::kube::admission
