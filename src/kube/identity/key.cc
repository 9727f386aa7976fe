// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <algorithm>
#include <limits>

#include "base/base64.h"
#include "kube/identity/openssl.h"

namespace gantry::kube {
namespace {

using namespace openssl;
using Parameters = std::unique_ptr<OSSL_PARAM, FreeWith<::OSSL_PARAM_free>>;
using ParameterBuilder = std::unique_ptr<OSSL_PARAM_BLD, FreeWith<::OSSL_PARAM_BLD_free>>;

// RFC 7518 section 3.1.
struct Algorithm {
  std::string_view name;
  const char* digest;
  const char* group;  // of EC; null: RSA
  int half = 0;       // bytes of r and of s
  bool is_pss = false;
};
constexpr Algorithm kAlgorithms[] = {
    {"ES256", "SHA256", "prime256v1", 32}, {"ES384", "SHA384", "secp384r1", 48},
    {"ES512", "SHA512", "secp521r1", 66},  {"RS256", "SHA256", nullptr},
    {"RS384", "SHA384", nullptr},          {"RS512", "SHA512", nullptr},
    {"PS256", "SHA256", nullptr, 0, true}, {"PS384", "SHA384", nullptr, 0, true},
    {"PS512", "SHA512", nullptr, 0, true}};

// RFC 7518 section 6.2.1.1.
struct Curve {
  std::string_view name;
  const char* group;
  std::size_t size;  // bytes of a coordinate
};
constexpr Curve kCurves[] = {
    {"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};

constexpr std::size_t kMaxPem = 1 << 20;  // bytes

std::string group_of(EVP_PKEY* key) {
  char group[32] = {};
  if (::EVP_PKEY_is_a(key, "EC") == 1)
    (void)::EVP_PKEY_get_group_name(key, group, sizeof group, nullptr);  // no name: not one of ours
  return group;
}

const Algorithm* find_algorithm(std::string_view name) {
  const auto* found = std::ranges::find(kAlgorithms, name, &Algorithm::name);
  return found == std::end(kAlgorithms) ? nullptr : found;
}

// What a key signs with; null: it is none of ours.
const Algorithm* algorithm_of(EVP_PKEY* key) {
  if (::EVP_PKEY_is_a(key, "RSA") == 1)
    return ::EVP_PKEY_get_bits(key) >= 2048 ? find_algorithm("RS256") : nullptr;
  const std::string group = group_of(key);
  const auto* found = std::ranges::find_if(
      kAlgorithms, [&](const Algorithm& each) { return each.group != nullptr && each.group == group; });
  return found == std::end(kAlgorithms) ? nullptr : found;
}

bool fits(EVP_PKEY* key, const Algorithm& algorithm) {
  if (algorithm.group == nullptr) return ::EVP_PKEY_is_a(key, "RSA") == 1;
  return group_of(key) == algorithm.group;
}

bool use_padding(EVP_PKEY_CTX* context, const Algorithm& algorithm) {
  if (!algorithm.is_pss) return true;
  return ::EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         ::EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

// JWS has r and s one behind the other, OpenSSL has them in DER.
std::optional<std::string> raw_from_der(std::string_view der, int half) {
  const unsigned char* at = bytes_of(der);
  const EcSignature signature(::d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  std::string raw(2 * static_cast<std::size_t>(half), '\0');
  auto* into = reinterpret_cast<unsigned char*>(raw.data());
  if (!signature || ::BN_bn2binpad(::ECDSA_SIG_get0_r(signature.get()), into, half) < 0 ||
      ::BN_bn2binpad(::ECDSA_SIG_get0_s(signature.get()), into + half, half) < 0)
    return std::nullopt;
  return raw;
}

std::optional<std::string> der_from_raw(std::string_view raw, int half) {
  if (raw.size() != 2 * static_cast<std::size_t>(half)) return std::nullopt;
  const EcSignature signature(::ECDSA_SIG_new());
  BIGNUM* r = ::BN_bin2bn(bytes_of(raw), half, nullptr);
  BIGNUM* s = ::BN_bin2bn(bytes_of(raw) + half, half, nullptr);
  ::ECDSA_SIG_set0(signature.get(), r, s);  // takes them over
  unsigned char* der = nullptr;
  const int size = ::i2d_ECDSA_SIG(signature.get(), &der);
  if (size < 0) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

Result<std::string> key_id(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = ::i2d_PUBKEY(key, &der);
  if (size < 0) return openssl_error(Code::InvalidArgument, "encode public key");
  const Sha256 hash = sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return to_jose_base64({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

// ---- JSON Web Keys

Result<Number> number_of(const json::Tree& jwk, const char* member) {
  const auto bytes = from_jose_base64(jwk.text_at(member));
  if (!bytes || bytes->empty() || bytes->size() > 2048)
    return error(Code::InvalidArgument, "JSON web key: '{}' is no number", member);
  return Number(::BN_bin2bn(bytes_of(*bytes), static_cast<int>(bytes->size()), nullptr));
}

std::string part_of(const BIGNUM* number, std::size_t size) {
  std::string bytes(std::max(size, static_cast<std::size_t>(BN_num_bytes(number))), '\0');
  (void)::BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                       static_cast<int>(bytes.size()));
  return to_jose_base64(bytes);
}

Result<EVP_PKEY*> public_key_from(const char* type, const ParameterBuilder& builder) {
  const Parameters parameters(::OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(::EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || ::EVP_PKEY_fromdata_init(context.get()) != 1 ||
      ::EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return openssl_error(Code::InvalidArgument, "JSON web key");
  return key;
}

Result<EVP_PKEY*> rsa_from(const json::Tree& jwk) {
  const Number modulus = TRY(number_of(jwk, "n"));
  const Number exponent = TRY(number_of(jwk, "e"));
  const ParameterBuilder builder(::OSSL_PARAM_BLD_new());
  ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return public_key_from("RSA", builder);
}

Result<EVP_PKEY*> ec_from(const json::Tree& jwk) {
  const auto* curve = std::ranges::find(kCurves, jwk.text_at("crv"), &Curve::name);
  if (curve == std::end(kCurves)) return error(Code::Unsupported, "JSON web key: unknown curve");
  const auto x = from_jose_base64(jwk.text_at("x")), y = from_jose_base64(jwk.text_at("y"));
  if (!x || !y || x->size() != curve->size || y->size() != curve->size)
    return error(Code::InvalidArgument, "JSON web key: the coordinates are not of curve {}", curve->name);
  const std::string point = "\x04" + *x + *y;  // uncompressed
  const ParameterBuilder builder(::OSSL_PARAM_BLD_new());
  ::OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0);
  ::OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return public_key_from("EC", builder);
}

Result<Number> parameter_of(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (::EVP_PKEY_get_bn_param(key, name, &number) != 1)
    return openssl_error(Code::Internal, "read the key's parameters");
  return Number(number);
}

// The first of these forms that the text has.
EVP_PKEY* read_pem(std::string_view pem, bool& is_private) {
  is_private = true;
  EVP_PKEY* key = ::PEM_read_bio_PrivateKey(reader_of(pem).get(), nullptr, nullptr, const_cast<char*>(""));
  if (key == nullptr) {
    is_private = false;
    key = ::PEM_read_bio_PUBKEY(reader_of(pem).get(), nullptr, nullptr, nullptr);
  }
  if (key == nullptr)
    if (const Certificate certificate(::PEM_read_bio_X509(reader_of(pem).get(), nullptr, nullptr, nullptr));
        certificate)
      key = ::X509_get_pubkey(certificate.get());
  return key;
}

}  // namespace

Result<Key> Key::adopt(evp_pkey_st* owned, bool is_private) {
  const std::shared_ptr<evp_pkey_st> key(owned, ::EVP_PKEY_free);
  const Algorithm* algorithm = algorithm_of(key.get());
  if (algorithm == nullptr)
    return error(Code::Unsupported, "key: neither EC (P-256, P-384, P-521) nor RSA with at least 2048 bits");
  std::string id = TRY(key_id(key.get()));
  return Key(key, std::move(id), algorithm->name, is_private);
}

Result<Key> Key::generate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  if (key == nullptr) return openssl_error(Code::Internal, "make a key");
  return adopt(key, true);
}

Result<Key> Key::from_pem(std::string_view pem) {
  if (pem.size() > kMaxPem) return error(Code::InvalidArgument, "key: more than {} bytes", kMaxPem);
  bool is_private = false;
  EVP_PKEY* key = read_pem(pem, is_private);
  if (key == nullptr) return openssl_error(Code::InvalidArgument, "neither a key nor a certificate in PEM");
  ::ERR_clear_error();  // of the forms that it was not
  return adopt(key, is_private);
}

Result<Key> Key::from_jwk(const json::Tree& jwk) {
  const std::string_view type = jwk.text_at("kty");
  if (type == "RSA") return adopt(TRY(rsa_from(jwk)), false);
  if (type == "EC") return adopt(TRY(ec_from(jwk)), false);
  return error(Code::Unsupported, "JSON web key: neither RSA nor EC");
}

Result<std::string> Key::private_pem() const {
  const Bio text = writer();
  if (!is_private_ ||
      ::PEM_write_bio_PrivateKey(text.get(), get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_error(Code::Internal, "write private key");
  return text_of(text);
}

Result<std::string> Key::public_pem() const {
  const Bio text = writer();
  if (::PEM_write_bio_PUBKEY(text.get(), get()) != 1)
    return openssl_error(Code::Internal, "write public key");
  return text_of(text);
}

Result<json::Tree> Key::to_jwk() const {
  json::TreeObject jwk;
  jwk["use"] = "sig";
  jwk["kid"] = id_;
  jwk["alg"] = algorithm_;
  if (::EVP_PKEY_is_a(get(), "RSA") == 1) {
    jwk["kty"] = "RSA";
    jwk["n"] = part_of(TRY(parameter_of(get(), OSSL_PKEY_PARAM_RSA_N)).get(), 0);
    jwk["e"] = part_of(TRY(parameter_of(get(), OSSL_PKEY_PARAM_RSA_E)).get(), 0);
    return json::Tree(std::move(jwk));
  }
  const auto* curve = std::ranges::find(kCurves, group_of(get()), &Curve::group);
  jwk["kty"] = "EC";
  jwk["crv"] = curve->name;
  jwk["x"] = part_of(TRY(parameter_of(get(), OSSL_PKEY_PARAM_EC_PUB_X)).get(), curve->size);
  jwk["y"] = part_of(TRY(parameter_of(get(), OSSL_PKEY_PARAM_EC_PUB_Y)).get(), curve->size);
  return json::Tree(std::move(jwk));
}

Result<std::string> Key::sign(std::string_view content) const {
  const Algorithm& algorithm = *find_algorithm(algorithm_);
  const DigestContext context(::EVP_MD_CTX_new());
  const EVP_MD* digest = ::EVP_get_digestbyname(algorithm.digest);
  std::size_t size = 0;
  if (!is_private_ || ::EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, get()) != 1 ||
      ::EVP_DigestSign(context.get(), nullptr, &size, bytes_of(content), content.size()) != 1)
    return openssl_error(Code::Internal, "sign");
  std::string signature(size, '\0');
  if (::EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       bytes_of(content), content.size()) != 1)
    return openssl_error(Code::Internal, "sign");
  signature.resize(size);
  if (algorithm.group == nullptr) return signature;
  auto raw = raw_from_der(signature, algorithm.half);
  if (!raw) return openssl_error(Code::Internal, "sign");
  return *std::move(raw);
}

bool Key::verify(std::string_view algorithm_name, std::string_view content,
                 std::string_view signature) const {
  const Algorithm* algorithm = find_algorithm(algorithm_name);
  if (algorithm == nullptr || !fits(get(), *algorithm)) return false;
  std::optional<std::string> bytes(signature);
  if (algorithm->group != nullptr) bytes = der_from_raw(signature, algorithm->half);
  if (!bytes) return false;
  const DigestContext context(::EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;  // the context's
  const EVP_MD* digest = ::EVP_get_digestbyname(algorithm->digest);
  const bool is_right = ::EVP_DigestVerifyInit(context.get(), &parameters, digest, nullptr, get()) == 1 &&
                        use_padding(parameters, *algorithm) &&
                        ::EVP_DigestVerify(context.get(), bytes_of(*bytes), bytes->size(), bytes_of(content),
                                           content.size()) == 1;
  ::ERR_clear_error();
  return is_right;
}

Sha256 sha256(std::string_view bytes) {
  Sha256 hash;
  ::SHA256(bytes_of(bytes), bytes.size(), reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace gantry::kube
