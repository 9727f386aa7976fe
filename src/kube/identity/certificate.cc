// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/certificate.h"

#include <arpa/inet.h>

#include <algorithm>
#include <ctime>
#include <span>

#include "base/hex.h"
#include "base/random.h"
#include "kube/identity/openssl.h"

namespace gantry::kube {
namespace {

using namespace openssl;

constexpr std::size_t kMaxPem = 1 << 20;         // bytes
constexpr std::size_t kMaxCertificates = 1'000;  // of a bundle

// ---- Reading

std::string text_of(const ASN1_STRING* string) {
  unsigned char* text = nullptr;
  const int size = ::ASN1_STRING_to_UTF8(&text, string);
  if (size < 0) return {};
  std::string result(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return result;
}

std::vector<std::string> entries_of(const X509_NAME* name, int nid) {
  std::vector<std::string> entries;
  for (int at = -1; (at = ::X509_NAME_get_index_by_NID(name, nid, at)) >= 0;)
    entries.push_back(text_of(::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(name, at))));
  return entries;
}

std::string first_or_empty(std::vector<std::string> texts) {
  return texts.empty() ? std::string() : std::move(texts.front());
}

std::string address_of(const ASN1_OCTET_STRING* bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  const int size = ::ASN1_STRING_length(bytes);
  if (size == 4 || size == 16)
    (void)::inet_ntop(size == 4 ? AF_INET : AF_INET6, ::ASN1_STRING_get0_data(bytes), text, sizeof text);
  return text;
}

AlternativeNames names_of(const GENERAL_NAMES* list) {
  AlternativeNames names;
  for (int i = 0; list != nullptr && i < sk_GENERAL_NAME_num(list); ++i) {
    int type = 0;
    const void* value = ::GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(list, i), &type);
    const auto* string = static_cast<const ASN1_STRING*>(value);
    if (type == GEN_DNS) names.dns.push_back(text_of(string));
    if (type == GEN_EMAIL) names.emails.push_back(text_of(string));
    if (type == GEN_URI) names.uris.push_back(text_of(string));
    if (type == GEN_IPADD) names.addresses.push_back(address_of(string));
  }
  return names;
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  tm parts{};
  return ::ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

std::string fingerprint_of(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (::X509_digest(certificate, ::EVP_sha256(), digest, &size) != 1) return {};
  return to_hex(std::as_bytes(std::span(digest, size)));
}

Result<CertificateInfo> info_of(X509* certificate) {
  const Key key = TRY_DURING(Key::adopt(::X509_get_pubkey(certificate), false), "certificate");
  const Names names(
      static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const X509_NAME* subject = ::X509_get_subject_name(certificate);
  return CertificateInfo{.common_name = first_or_empty(entries_of(subject, NID_commonName)),
                         .organizations = entries_of(subject, NID_organizationName),
                         .names = names_of(names.get()),
                         .is_authority = ::X509_check_ca(certificate) == 1,
                         .not_before = seconds_of(::X509_get0_notBefore(certificate)),
                         .not_after = seconds_of(::X509_get0_notAfter(certificate)),
                         .key_id = key.id(),
                         .fingerprint = fingerprint_of(certificate)};
}

Result<Certificate> parse(std::string_view pem) {
  if (pem.size() > kMaxPem) return error(Code::InvalidArgument, "certificate: more than {} bytes", kMaxPem);
  Certificate certificate(::PEM_read_bio_X509(reader_of(pem).get(), nullptr, nullptr, nullptr));
  if (!certificate) return openssl_error(Code::InvalidArgument, "no certificate in PEM");
  return certificate;
}

// ---- Writing

Result<void> add_entry(X509_NAME* subject, int nid, const std::string& text) {
  if (text.empty()) return {};
  if (::X509_NAME_add_entry_by_NID(subject, nid, MBSTRING_UTF8, bytes_of(text), static_cast<int>(text.size()),
                                   -1, 0) != 1)
    return openssl_error(Code::InvalidArgument, fmt::format("certificate for '{}'", text));
  return {};
}

Result<void> set_subject(X509_NAME* subject, const CertificateTerms& terms) {
  for (const std::string& organization : terms.organizations)
    TRY(add_entry(subject, NID_organizationName, organization));
  return add_entry(subject, NID_commonName, terms.common_name);
}

Result<void> add_text_name(GENERAL_NAMES* names, int type, const std::string& text) {
  ASN1_IA5STRING* string = ::ASN1_IA5STRING_new();
  GENERAL_NAME* name = ::GENERAL_NAME_new();
  ::GENERAL_NAME_set0_value(name, type, string);
  sk_GENERAL_NAME_push(names, name);
  if (::ASN1_STRING_set(string, text.data(), static_cast<int>(text.size())) != 1)
    return openssl_error(Code::Internal, "certificate");
  return {};
}

Result<void> add_address(GENERAL_NAMES* names, const std::string& text) {
  ASN1_OCTET_STRING* address = ::a2i_IPADDRESS(text.c_str());
  if (address == nullptr) return error(Code::InvalidArgument, "certificate: '{}' is no address", text);
  GENERAL_NAME* name = ::GENERAL_NAME_new();
  ::GENERAL_NAME_set0_value(name, GEN_IPADD, address);
  sk_GENERAL_NAME_push(names, name);
  return {};
}

Result<Names> general_names(const AlternativeNames& names) {
  Names list(sk_GENERAL_NAME_new_null());
  for (const std::string& name : names.dns) TRY(add_text_name(list.get(), GEN_DNS, name));
  for (const std::string& name : names.emails) TRY(add_text_name(list.get(), GEN_EMAIL, name));
  for (const std::string& name : names.uris) TRY(add_text_name(list.get(), GEN_URI, name));
  for (const std::string& name : names.addresses) TRY(add_address(list.get(), name));
  return list;
}

Result<void> extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(::X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  if (!extension || ::X509_add_ext(certificate, extension.get(), -1) != 1)
    return openssl_error(Code::Internal, "certificate");
  return {};
}

// Version, a serial number that nobody can guess, and times.
Result<Certificate> blank(std::int64_t not_before, std::int64_t not_after, const Key& key) {
  Certificate certificate(::X509_new());
  unsigned char serial[16];
  fill_random(std::as_writable_bytes(std::span(serial)));
  serial[0] &= 0x7f;  // positive
  const Number number(::BN_bin2bn(serial, sizeof serial, nullptr));
  if (!certificate || ::X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(certificate.get())) == nullptr ||
      ::ASN1_TIME_set(::X509_getm_notBefore(certificate.get()), not_before) == nullptr ||
      ::ASN1_TIME_set(::X509_getm_notAfter(certificate.get()), not_after) == nullptr ||
      ::X509_set_pubkey(certificate.get(), key.get()) != 1)
    return openssl_error(Code::Internal, "certificate");
  return certificate;
}

Result<std::string> signed_pem(X509* certificate, const Key& key) {
  if (::X509_sign(certificate, key.get(), ::EVP_sha256()) == 0)
    return openssl_error(Code::Internal, "sign certificate");
  const Bio pem = writer();
  if (::PEM_write_bio_X509(pem.get(), certificate) != 1)
    return openssl_error(Code::Internal, "write certificate");
  return openssl::text_of(pem);
}

std::string usages_of(const CertificateTerms& terms) {
  if (terms.for_servers && terms.for_clients) return "serverAuth,clientAuth";
  return terms.for_servers ? "serverAuth" : "clientAuth";
}

}  // namespace

Result<CertificateInfo> read_certificate(std::string_view pem) { return info_of(TRY(parse(pem)).get()); }

Result<std::vector<CertificateInfo>> read_certificates(std::string_view pem) {
  if (pem.size() > kMaxPem) return error(Code::InvalidArgument, "certificates: more than {} bytes", kMaxPem);
  const Bio reader = reader_of(pem);
  std::vector<CertificateInfo> infos;
  while (const Certificate certificate{::PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)}) {
    if (infos.size() == kMaxCertificates)
      return error(Code::InvalidArgument, "certificates: more than {} of them", kMaxCertificates);
    infos.push_back(TRY(info_of(certificate.get())));
  }
  if (infos.empty()) return openssl_error(Code::InvalidArgument, "no certificate in PEM");
  ::ERR_clear_error();  // of the end of the text
  return infos;
}

Result<Authority> Authority::create(const std::string& common_name, const Key& key, std::int64_t not_before,
                                    std::int64_t not_after) {
  const Certificate certificate = TRY(blank(not_before, not_after, key));
  X509_NAME* subject = ::X509_get_subject_name(certificate.get());
  TRY(add_entry(subject, NID_commonName, common_name));
  ::X509_set_issuer_name(certificate.get(), subject);
  TRY(extend(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE"));
  TRY(extend(certificate.get(), certificate.get(), NID_key_usage,
             "critical,digitalSignature,keyEncipherment,keyCertSign"));
  TRY(extend(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash"));
  return load(TRY(signed_pem(certificate.get(), key)), key);
}

Result<Authority> Authority::load(std::string_view certificate_pem, const Key& key) {
  Certificate certificate = TRY(parse(certificate_pem));
  CertificateInfo info = TRY(info_of(certificate.get()));
  if (!key.is_private() || info.key_id != key.id())
    return error(Code::InvalidArgument, "authority '{}': the private key is not its own", info.common_name);
  if (!info.is_authority) return error(Code::InvalidArgument, "'{}' is no authority", info.common_name);
  return Authority(std::shared_ptr<x509_st>(certificate.release(), ::X509_free), key,
                   std::string(certificate_pem), std::move(info));
}

Result<std::string> Authority::issue(const CertificateTerms& terms, const Key& key) const {
  const Certificate certificate =
      TRY(blank(terms.not_before, std::min(terms.not_after, info_.not_after), key));
  TRY(set_subject(::X509_get_subject_name(certificate.get()), terms));
  ::X509_set_issuer_name(certificate.get(), ::X509_get_subject_name(certificate_.get()));
  X509* issuer = certificate_.get();
  TRY(extend(certificate.get(), issuer, NID_basic_constraints, "critical,CA:FALSE"));
  TRY(extend(certificate.get(), issuer, NID_key_usage, "critical,digitalSignature,keyEncipherment"));
  TRY(extend(certificate.get(), issuer, NID_ext_key_usage, usages_of(terms)));
  TRY(extend(certificate.get(), issuer, NID_authority_key_identifier, "keyid"));
  if (!terms.names.empty()) {
    const Names names = TRY(general_names(terms.names));
    if (::X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, names.get(), 0, 0) != 1)
      return openssl_error(Code::Internal, "certificate");
  }
  return signed_pem(certificate.get(), key_);
}

bool Authority::has_signed(std::string_view certificate_pem) const {
  const auto certificate = parse(certificate_pem);
  const bool has = certificate && ::X509_verify(certificate->get(), key_.get()) == 1;
  ::ERR_clear_error();
  return has;
}

Result<SigningRequest> read_signing_request(std::string_view pem) {
  if (pem.size() > kMaxPem)
    return error(Code::InvalidArgument, "signing request: more than {} bytes", kMaxPem);
  const Request request(::PEM_read_bio_X509_REQ(reader_of(pem).get(), nullptr, nullptr, nullptr));
  if (!request) return openssl_error(Code::InvalidArgument, "no certificate signing request in PEM");
  Key key = TRY_DURING(Key::adopt(::X509_REQ_get_pubkey(request.get()), false), "signing request");
  if (::X509_REQ_verify(request.get(), key.get()) != 1)
    return openssl_error(Code::InvalidArgument, "signing request: its signature is not its key's");
  STACK_OF(X509_EXTENSION)* extensions = ::X509_REQ_get_extensions(request.get());  // null: it has none
  const Names names(
      static_cast<GENERAL_NAMES*>(::X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr)));
  sk_X509_EXTENSION_pop_free(extensions, ::X509_EXTENSION_free);
  const X509_NAME* subject = ::X509_REQ_get_subject_name(request.get());
  return SigningRequest{.common_name = first_or_empty(entries_of(subject, NID_commonName)),
                        .organizations = entries_of(subject, NID_organizationName),
                        .names = names_of(names.get()),
                        .key = std::move(key)};
}

Result<std::string> make_signing_request(const CertificateTerms& terms, const Key& key) {
  const Request request(::X509_REQ_new());
  TRY(set_subject(::X509_REQ_get_subject_name(request.get()), terms));
  if (!terms.names.empty()) {
    const Names names = TRY(general_names(terms.names));
    STACK_OF(X509_EXTENSION)* extensions = nullptr;
    const bool is_added = ::X509V3_add1_i2d(&extensions, NID_subject_alt_name, names.get(), 0, 0) == 1 &&
                          ::X509_REQ_add_extensions(request.get(), extensions) == 1;
    sk_X509_EXTENSION_pop_free(extensions, ::X509_EXTENSION_free);
    if (!is_added) return openssl_error(Code::Internal, "signing request");
  }
  const Bio pem = writer();
  if (::X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      ::X509_REQ_sign(request.get(), key.get(), ::EVP_sha256()) == 0 ||
      ::PEM_write_bio_X509_REQ(pem.get(), request.get()) != 1)
    return openssl_error(Code::Internal, "make signing request");
  return openssl::text_of(pem);
}

}  // namespace gantry::kube
