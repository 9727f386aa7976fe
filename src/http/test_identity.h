// SPDX-License-Identifier: Apache-2.0
//
// Certificates for tests, made when they run, so that none gets old.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "http/tls.h"
#include "testing/temp_dir.h"

namespace gantry::http::testing {

class TestAuthority {
 public:
  TestAuthority() { certificate_ = make("test authority", "", nullptr, nullptr, key_); }
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;
  ~TestAuthority() {
    ::X509_free(certificate_);
    ::EVP_PKEY_free(key_);
  }

  std::string ca_file() {
    const std::string path = directory_ / "ca.pem";
    write(path, [&](FILE* file) { return ::PEM_write_X509(file, certificate_); });
    return path;
  }
  // `names` as openssl has them: "DNS:localhost,IP:127.0.0.1".
  TlsIdentity issue(const std::string& name, const std::string& names) {
    EVP_PKEY* key = nullptr;
    X509* certificate = make(name, names, certificate_, key_, key);
    TlsIdentity identity{directory_ / (name + ".pem"), directory_ / (name + ".key")};
    write(identity.certificate_file, [&](FILE* file) { return ::PEM_write_X509(file, certificate); });
    write(identity.key_file, [&](FILE* file) {
      return ::PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
    ::X509_free(certificate);
    ::EVP_PKEY_free(key);
    return identity;
  }

 private:
  template <class Writer>
  static void write(const std::string& path, Writer writer) {
    FILE* file = std::fopen(path.c_str(), "we");
    if (file == nullptr || writer(file) != 1 || std::fclose(file) != 0) std::abort();
  }

  static void extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    if (extension == nullptr) std::abort();
    ::X509_add_ext(certificate, extension, -1);
    ::X509_EXTENSION_free(extension);
  }

  // Without an issuer: signed by itself, an authority.
  static X509* make(const std::string& name, const std::string& names, X509* issuer, EVP_PKEY* issuer_key,
                    EVP_PKEY*& key) {
    static long serial = 1;
    key = EVP_EC_gen("P-256");
    X509* certificate = ::X509_new();
    ::X509_set_version(certificate, 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(certificate), serial++);
    ::X509_gmtime_adj(::X509_getm_notBefore(certificate), -3600);
    ::X509_gmtime_adj(::X509_getm_notAfter(certificate), 3600);
    ::X509_set_pubkey(certificate, key);
    X509_NAME* subject = ::X509_get_subject_name(certificate);
    ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509* signer = issuer != nullptr ? issuer : certificate;
    ::X509_set_issuer_name(certificate, ::X509_get_subject_name(signer));
    if (issuer == nullptr) extend(certificate, signer, NID_basic_constraints, "critical,CA:TRUE");
    if (!names.empty()) extend(certificate, signer, NID_subject_alt_name, names);
    if (::X509_sign(certificate, issuer_key != nullptr ? issuer_key : key, ::EVP_sha256()) == 0) std::abort();
    return certificate;
  }

  gantry::testing::TempDir directory_;
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
};

}  // namespace gantry::http::testing
