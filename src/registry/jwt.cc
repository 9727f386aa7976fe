// SPDX-License-Identifier: Apache-2.0
#include "registry/jwt.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_codec.h"

namespace gantry::registry {

namespace {

template <auto free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>>;

// What OpenSSL says went wrong, as one of our errors; takes it off OpenSSL's list.
Error openssl_error(Code code, std::string_view what) {
  char text[256] = "no reason given";
  if (const unsigned long number = ERR_get_error(); number != 0)
    ERR_error_string_n(number, text, sizeof text);
  ERR_clear_error();
  return error(code, "{}: {}", what, text);
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

constexpr std::size_t kMaxToken = 64 << 10;  // bytes
constexpr int kEcHalf = 32;                  // bytes of r and of s on P-256

// A JWT has r and s one behind the other, OpenSSL wants them in DER (RFC 7518, section 3.4).
std::optional<std::string> raw_from_der(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  const EcSignature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return std::nullopt;
  std::array<unsigned char, 2UL * kEcHalf> raw;
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), raw.data(), kEcHalf) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), raw.data() + kEcHalf, kEcHalf) < 0)
    return std::nullopt;
  return std::string(reinterpret_cast<const char*>(raw.data()), raw.size());
}

std::optional<std::string> der_from_raw(std::string_view raw) {
  if (raw.size() != 2UL * kEcHalf) return std::nullopt;
  const EcSignature signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(bytes_of(raw), kEcHalf, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(raw) + kEcHalf, kEcHalf, nullptr);
  ECDSA_SIG_set0(signature.get(), r, s);  // takes them over
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size < 0) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

// Docker's `kid`: the first 240 bits of the SHA-256 of the public key in DER, base32, in groups of four.
Result<std::string> libtrust_id(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  if (size < 0) return openssl_error(Code::InvalidArgument, "encode public key");
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash;
  SHA256(der, static_cast<std::size_t>(size), hash.data());
  OPENSSL_free(der);
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string id;
  for (std::size_t bit = 0; bit < 240; bit += 5) {
    if (bit != 0 && bit % 20 == 0) id += ':';
    const unsigned pair = (unsigned{hash[bit / 8]} << 8) | hash[bit / 8 + 1];
    id += kAlphabet[(pair >> (11 - bit % 8)) & 31];
  }
  return id;
}

struct Header {
  std::string type, algorithm, key_id;
};

void fields(json::Fields& f, Header& header) {
  f("typ", header.type);
  f("alg", header.algorithm, json::Presence::Required);
  f("kid", header.key_id);
}

Result<std::string> read_string(const json::Value& claims, std::string_view key) {
  const auto value = claims.find(key);
  if (!value) return std::string();
  if (value->kind() != json::Kind::String)
    return error(Code::InvalidArgument, "token: '{}' is {}", key, json::name_of(value->kind()));
  return std::string(value->as_string());
}

// NumericDate: seconds, which may have a fraction.
Result<std::int64_t> read_time(const json::Value& claims, std::string_view key) {
  const auto value = claims.find(key);
  if (!value) return 0;
  const double seconds = value->as_double();
  if (value->kind() != json::Kind::Number || seconds < 0 || seconds > 1e15)
    return error(Code::InvalidArgument, "token: '{}' is no time", key);
  return static_cast<std::int64_t>(seconds);
}

}  // namespace

static void fields(json::Fields& f, ResourceActions& access) {
  f("type", access.type, json::Presence::Required);
  f("name", access.name, json::Presence::Required);
  f("actions", access.actions, json::Presence::Required);
}

static std::string to_json(const Claims& claims) {
  json::Writer w;
  w.begin_object();
  w.key("iss").value(claims.issuer).key("sub").value(claims.subject);
  w.key("aud").begin_array();
  for (const std::string& audience : claims.audience) w.value(audience);
  w.end_array();
  w.key("exp").value(claims.expires).key("nbf").value(claims.not_before).key("iat").value(claims.issued);
  w.key("jti").value(claims.id);
  if (!claims.use.empty()) w.key("use").value(claims.use);
  if (!claims.generation.empty()) w.key("gen").value(claims.generation);
  w.key("access").begin_array();
  for (const ResourceActions& access : claims.access) json::encode(w, access);
  w.end_array().end_object();
  return std::move(w).text();
}

static Result<Claims> parse_claims(std::string text) {
  const json::Document document =
      TRY(json::Document::parse(std::move(text), {.bytes = 64 << 10, .depth = 16}));
  const json::Value root = document.root();
  if (root.kind() != json::Kind::Object) return error(Code::InvalidArgument, "token: claims are no object");
  Claims claims;
  claims.issuer = TRY(read_string(root, "iss"));
  claims.subject = TRY(read_string(root, "sub"));
  claims.id = TRY(read_string(root, "jti"));
  claims.use = TRY(read_string(root, "use"));
  claims.generation = TRY(read_string(root, "gen"));
  claims.expires = TRY(read_time(root, "exp"));
  claims.not_before = TRY(read_time(root, "nbf"));
  claims.issued = TRY(read_time(root, "iat"));
  if (const auto audience = root.find("aud"); audience && audience->kind() == json::Kind::Array) {
    for (std::size_t i = 0; i < audience->size(); ++i)
      claims.audience.emplace_back(audience->at(i).as_string());
  } else if (audience) {
    claims.audience.push_back(TRY(read_string(root, "aud")));
  }
  if (const auto access = root.find("access"); access && !access->is_null())
    claims.access = TRY(json::decode<std::vector<ResourceActions>>(*access));
  return claims;
}

void TokenKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

Result<TokenKey> TokenKey::with(Key key) {
  std::array<char, 32> group = {};
  if (EVP_PKEY_is_a(key.get(), "EC") != 0)
    (void)EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), nullptr);
  const bool is_ec = std::string_view(group.data()) == "prime256v1";
  const bool is_rsa = EVP_PKEY_is_a(key.get(), "RSA") != 0 && EVP_PKEY_get_bits(key.get()) >= 2048;
  if (!is_ec && !is_rsa)
    return error(Code::Unsupported, "key for tokens: neither EC P-256 nor RSA with at least 2048 bits");
  std::string id = TRY(libtrust_id(key.get()));
  return TokenKey(std::move(key), std::move(id), is_ec);
}

Result<TokenKey> TokenKey::parse_public(const std::string& pem) {
  const Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Key key(PEM_read_bio_PUBKEY(text.get(), nullptr, nullptr, nullptr));
  if (!key) {
    const Bio again(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const Certificate certificate(PEM_read_bio_X509(again.get(), nullptr, nullptr, nullptr));
    if (certificate) key.reset(X509_get_pubkey(certificate.get()));
  }
  if (!key) return openssl_error(Code::InvalidArgument, "neither a public key nor a certificate in PEM");
  ERR_clear_error();  // of the form that it was not
  return with(std::move(key));
}

Result<TokenKey> TokenKey::load_public(const std::string& path) {
  const std::string pem = TRY(read_file(path, 1 << 20));
  return TRY_DURING(parse_public(pem), "public key '{}'", path);
}

// Written whole before it has its name, so that two that start at once end up with the same key.
static Result<void> create_key(const std::string& path) {
  const std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const Bio text(BIO_new(BIO_s_mem()));
  if (!key || PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_error(Code::Internal, "make a key for tokens");
  char* pem = nullptr;
  const long size = BIO_get_mem_data(text.get(), &pem);

  std::string temporary = path + ".XXXXXX";
  const UniqueFd file(::mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
  if (!file) return sys_error("create '{}'", temporary);
  Result<void> written =
      write_all(file.get(), std::string_view(pem, static_cast<std::size_t>(size)), temporary);
  if (written && ::fsync(file.get()) < 0) written = sys_error("sync '{}'", temporary);
  if (written && ::link(temporary.c_str(), path.c_str()) < 0 && errno != EEXIST)
    written = sys_error("create '{}'", path);
  (void)::unlink(temporary.c_str());  // it has its name, or never will
  return written;
}

Result<TokenKey> TokenKey::load_or_create(const std::string& path) {
  if (::access(path.c_str(), F_OK) < 0 && errno == ENOENT) TRY_DURING(create_key(path), "key for tokens");
  const std::string pem = TRY(read_file(path, 1 << 20));
  const Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Key key(PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr));
  if (!key)
    return openssl_error(Code::InvalidArgument,
                         fmt::format("key for tokens '{}': no private key in PEM", path));
  TokenKey token_key = TRY_DURING(with(std::move(key)), "'{}'", path);
  if (!token_key.is_ec_)
    return error(Code::Unsupported, "key for tokens '{}': we sign with ES256, which wants EC P-256", path);
  return token_key;
}

Result<std::string> TokenKey::public_pem() const {
  const Bio text(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PUBKEY(text.get(), key_.get()) != 1)
    return openssl_error(Code::Internal, "write public key");
  char* pem = nullptr;
  const long size = BIO_get_mem_data(text.get(), &pem);
  return std::string(pem, static_cast<std::size_t>(size));
}

Result<std::string> TokenKey::sign(const Claims& claims) const {
  std::string token =
      to_jose_base64(json::encode(Header{.type = "JWT", .algorithm = "ES256", .key_id = id_})) + "." +
      to_jose_base64(to_json(claims));
  const DigestContext context(EVP_MD_CTX_new());
  std::size_t size = 0;
  std::string der;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes_of(token), token.size()) != 1)
    return openssl_error(Code::Internal, "sign token");
  der.resize(size);
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(der.data()), &size, bytes_of(token),
                     token.size()) != 1)
    return openssl_error(Code::Internal, "sign token");
  der.resize(size);
  const auto raw = raw_from_der(der);
  if (!raw) return openssl_error(Code::Internal, "sign token");
  return token + "." + to_jose_base64(*raw);
}

Result<Claims> peek_claims(std::string_view token) {
  const std::size_t first = token.find('.'), last = token.rfind('.');
  const auto text = first < last ? from_jose_base64(token.substr(first + 1, last - first - 1)) : std::nullopt;
  if (token.size() > kMaxToken || !text) return error(Code::InvalidArgument, "token: not three parts");
  return parse_claims(*text);
}

Result<Claims> TokenKey::verify(std::string_view token) const {
  const std::size_t first = token.find('.'), last = token.rfind('.');
  if (token.size() > kMaxToken || first == token.npos || first == last || token.find('.', first + 1) != last)
    return error(Code::InvalidArgument, "token: not three parts");
  const auto header_text = from_jose_base64(token.substr(0, first));
  const auto claims_text = from_jose_base64(token.substr(first + 1, last - first - 1));
  auto signature = from_jose_base64(token.substr(last + 1));
  if (!header_text || !claims_text || !signature)
    return error(Code::InvalidArgument, "token: a part is not base64url");

  const json::Document document = TRY_DURING(json::Document::parse(*header_text), "token header");
  const auto header = TRY_DURING(json::decode<Header>(document.root()), "token header");
  const std::string_view algorithm = is_ec_ ? "ES256" : "RS256";
  if (header.algorithm != algorithm)
    return error(Code::PermissionDenied, "token: signed with '{}', the issuer's key is for {}",
                 header.algorithm, algorithm);
  if (is_ec_) signature = der_from_raw(*signature);
  const std::string_view content = token.substr(0, last);
  const DigestContext context(EVP_MD_CTX_new());
  const bool valid = signature &&
                     EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
                     EVP_DigestVerify(context.get(), bytes_of(*signature), signature->size(),
                                      bytes_of(content), content.size()) == 1;
  ERR_clear_error();
  if (!valid) return error(Code::PermissionDenied, "token: the signature is not the issuer's");
  return parse_claims(*claims_text);
}

Result<void> check_claims(const Claims& claims, std::string_view issuer, std::string_view audience,
                          std::int64_t now) {
  constexpr std::int64_t kTolerance = 60;  // seconds that clocks may differ
  if (claims.issuer != issuer)
    return error(Code::PermissionDenied, "token: issued by '{}', not by '{}'", claims.issuer, issuer);
  if (std::ranges::find(claims.audience, audience) == claims.audience.end())
    return error(Code::PermissionDenied, "token: not made for '{}'", audience);
  if (now > claims.expires + kTolerance) return error(Code::PermissionDenied, "token: has expired");
  if (now < claims.not_before - kTolerance) return error(Code::PermissionDenied, "token: not valid yet");
  return {};
}

}  // namespace gantry::registry
