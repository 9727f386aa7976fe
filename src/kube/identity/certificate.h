// SPDX-License-Identifier: Apache-2.0
//
// X.509 certificates (RFC 5280): authorities that sign them, requests for them (PKCS #10), and what they say.
// Texts are PEM.
//
//   const Authority authority = TRY(Authority::create("kubernetes", key, from, until));
//   const std::string pem = TRY(authority.issue({.common_name = "alice", .for_clients = true, ...}, key));
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kube/identity/key.h"

struct x509_st;

namespace gantry::kube {

// What a certificate names beside its subject.
struct AlternativeNames {
  std::vector<std::string> dns;
  std::vector<std::string> addresses;  // "10.96.0.1", "::1"
  std::vector<std::string> emails;
  std::vector<std::string> uris;

  bool empty() const { return dns.empty() && addresses.empty() && emails.empty() && uris.empty(); }
  friend bool operator==(const AlternativeNames&, const AlternativeNames&) = default;
};

struct CertificateTerms {
  std::string common_name;
  std::vector<std::string> organizations;
  AlternativeNames names;
  bool for_servers = false;
  bool for_clients = false;
  std::int64_t not_before = 0;  // seconds since 1970
  std::int64_t not_after = 0;
};

struct CertificateInfo {
  std::string common_name;
  std::vector<std::string> organizations;
  AlternativeNames names;
  bool is_authority = false;
  std::int64_t not_before = 0;  // seconds since 1970
  std::int64_t not_after = 0;
  std::string key_id;       // Key::id() of its public key
  std::string fingerprint;  // SHA-256, in hexadecimal digits
};

// Of the first certificate in the text.
Result<CertificateInfo> read_certificate(std::string_view pem);
// Of every one: a bundle of authorities. InvalidArgument if there is none.
Result<std::vector<CertificateInfo>> read_certificates(std::string_view pem);

// A certificate that signs others, with its key. Immutable, shared by its copies, for any thread.
class Authority {
 public:
  // Signed by itself.
  static Result<Authority> create(const std::string& common_name, const Key& key, std::int64_t not_before,
                                  std::int64_t not_after);
  // InvalidArgument if the key is another one's.
  static Result<Authority> load(std::string_view certificate_pem, const Key& key);

  const std::string& pem() const { return pem_; }
  const CertificateInfo& info() const { return info_; }

  // A certificate for that key; never valid for longer than this authority itself.
  Result<std::string> issue(const CertificateTerms& terms, const Key& key) const;
  // Whether it is one that this authority has signed, whenever it is valid.
  bool has_signed(std::string_view certificate_pem) const;

 private:
  Authority(std::shared_ptr<x509_st> certificate, Key key, std::string pem, CertificateInfo info)
      : certificate_(std::move(certificate)),
        key_(std::move(key)),
        pem_(std::move(pem)),
        info_(std::move(info)) {}

  std::shared_ptr<x509_st> certificate_;
  Key key_;
  std::string pem_;
  CertificateInfo info_;
};

// What somebody wants a certificate to say; he has proved that he owns the key.
struct SigningRequest {
  std::string common_name;
  std::vector<std::string> organizations;
  AlternativeNames names;
  Key key;
};

Result<SigningRequest> read_signing_request(std::string_view pem);
Result<std::string> make_signing_request(const CertificateTerms& terms, const Key& key);

}  // namespace gantry::kube
