// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/jwt.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/base64.h"

namespace gantry::kube {
namespace {

constexpr json::Limits kLimits = {.bytes = kMaxToken, .depth = 16};

Error not_a_token() { return error(Code::InvalidArgument, "token: not a signed JSON web token"); }

// A part that is base64url of a JSON object.
Result<json::Tree> object_in(std::string_view part) {
  auto text = from_jose_base64(part);
  if (!text) return not_a_token();
  auto tree = json::Tree::parse(*std::move(text), kLimits);
  if (!tree || !tree->is_object()) return not_a_token();  // what is wrong with it would quote it
  return *std::move(tree);
}

}  // namespace

Result<Jwt> Jwt::parse(std::string_view token) {
  const std::size_t first = token.find('.'), last = token.rfind('.');
  if (token.size() > kMaxToken || first == token.npos || first == last || token.find('.', first + 1) != last)
    return not_a_token();
  const json::Tree header = TRY(object_in(token.substr(0, first)));
  auto signature = from_jose_base64(token.substr(last + 1));
  if (!signature) return not_a_token();
  // RFC 7515 section 4.1.11: who does not know what is critical must refuse.
  if (header.find("crit") != nullptr) return error(Code::Unsupported, "token: critical header fields");
  json::Tree claims = TRY(object_in(token.substr(first + 1, last - first - 1)));
  return Jwt{.algorithm = std::string(header.text_at("alg")),
             .key_id = std::string(header.text_at("kid")),
             .claims = std::move(claims),
             .signed_part = std::string(token.substr(0, last)),
             .signature = *std::move(signature)};
}

std::vector<std::string> Jwt::audiences() const {
  const json::Tree* audience = claims.find("aud");
  if (audience == nullptr) return {};
  if (audience->is_string()) return {std::string(audience->as_string())};
  std::vector<std::string> audiences;
  for (const json::Tree& each : audience->array()) audiences.emplace_back(each.as_string());
  return audiences;
}

// NumericDate (RFC 7519 section 2): seconds, which may have a fraction.
std::optional<std::int64_t> Jwt::time_of(std::string_view claim) const {
  const json::Tree* time = claims.find(claim);
  if (time == nullptr || time->kind() != json::Kind::Number) return std::nullopt;
  const double seconds = time->as_double();
  if (!(seconds >= 0 && seconds < 1e12)) return std::nullopt;
  return static_cast<std::int64_t>(seconds);
}

Result<std::string> sign_jwt(const Key& key, const json::Tree& claims) {
  json::TreeObject header;
  header["alg"] = key.algorithm();
  header["kid"] = key.id();
  const std::string content = fmt::format("{}.{}", to_jose_base64(json::Tree(std::move(header)).to_text()),
                                          to_jose_base64(claims.to_text()));
  return fmt::format("{}.{}", content, to_jose_base64(TRY(key.sign(content))));
}

Result<void> check_times(const Jwt& token, std::int64_t now, std::int64_t tolerance) {
  const auto expires = token.expires();
  if (!expires) return error(Code::PermissionDenied, "token: it does not say when it expires");
  if (now > *expires + tolerance) return error(Code::PermissionDenied, "token: it has expired");
  if (now < token.not_before().value_or(0) - tolerance)
    return error(Code::PermissionDenied, "token: it is not valid yet");
  return {};
}

std::vector<std::string> common_audiences(const std::vector<std::string>& wanted,
                                          const std::vector<std::string>& given) {
  std::vector<std::string> common;
  for (const std::string& audience : wanted)
    if (std::ranges::find(given, audience) != given.end()) common.push_back(audience);
  return common;
}

}  // namespace gantry::kube
