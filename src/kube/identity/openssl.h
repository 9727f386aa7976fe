// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL's objects with owners. Only key.cc and certificate.cc include this.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::kube::openssl {

template <auto free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using Bio = std::unique_ptr<BIO, FreeWith<::BIO_free_all>>;
using Number = std::unique_ptr<BIGNUM, FreeWith<::BN_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<::X509_free>>;
using Request = std::unique_ptr<X509_REQ, FreeWith<::X509_REQ_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreeWith<::X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, FreeWith<::GENERAL_NAMES_free>>;
using PublicKey = std::unique_ptr<EVP_PKEY, FreeWith<::EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeWith<::EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeWith<::EVP_MD_CTX_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, FreeWith<::ECDSA_SIG_free>>;

// What OpenSSL says went wrong; its list is empty then, so that nothing is taken for the next failure's
// reason.
inline Error openssl_error(Code code, std::string_view what) {
  const unsigned long number = ::ERR_get_error();
  const char* reason = number == 0 ? nullptr : ::ERR_reason_error_string(number);
  ::ERR_clear_error();
  return error(code, "{}: {}", what, reason == nullptr ? "no reason given" : reason);
}

inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

inline Bio reader_of(std::string_view text) {
  return Bio(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

inline Bio writer() { return Bio(::BIO_new(::BIO_s_mem())); }

inline std::string text_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace gantry::kube::openssl
