// SPDX-License-Identifier: Apache-2.0
#include "oci/distribution/scope.h"

#include <algorithm>
#include <limits>

#include <fmt/ranges.h>

#include "base/json_codec.h"
#include "base/printable.h"

namespace gantry::oci {
namespace {

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// "repository", or "repository(plugin)".
bool is_type(std::string_view text) {
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos) return is_word(text);
  return text.ends_with(')') && is_word(text.substr(0, open)) &&
         is_word(text.substr(open + 1, text.size() - open - 2));
}

bool is_name(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; });
}

void sort_and_merge(std::vector<std::string>& actions) {
  std::ranges::sort(actions);
  const auto repeated = std::ranges::unique(actions);
  actions.erase(repeated.begin(), repeated.end());
}

}  // namespace

Result<Scope> Scope::parse(std::string_view text) {
  const auto refuse = [&](std::string_view reason) {
    return error(Code::InvalidArgument, "scope '{}': {}", printable(text), reason);
  };
  // The name may hold colons, the other two do not.
  const std::size_t first = text.find(':');
  const std::size_t last = text.rfind(':');
  if (first == last) return refuse("expected type:name:actions");
  Scope scope{.type = std::string(text.substr(0, first)),
              .name = std::string(text.substr(first + 1, last - first - 1))};
  if (!is_type(scope.type)) return refuse("the type is not a word");
  if (!is_name(scope.name)) return refuse("the name is empty or holds characters that a scope must not");
  for (std::string_view rest = text.substr(last + 1);;) {
    const std::size_t comma = rest.find(',');
    const std::string_view action = rest.substr(0, comma);
    if (action != "*" && !is_word(action)) return refuse("an action is not a word");
    scope.actions.emplace_back(action);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  sort_and_merge(scope.actions);
  return scope;
}

Scope Scope::repository(std::string_view name, std::vector<std::string> actions) {
  sort_and_merge(actions);
  return {.type = "repository", .name = std::string(name), .actions = std::move(actions)};
}

std::string Scope::str() const { return fmt::format("{}:{}:{}", type, name, fmt::join(actions, ",")); }

bool Scope::covers(const Scope& wanted) const {
  if (type != wanted.type || name != wanted.name) return false;
  return std::ranges::binary_search(actions, "*") || std::ranges::includes(actions, wanted.actions);
}

Result<std::vector<Scope>> parse_scopes(std::string_view text) {
  std::vector<Scope> scopes;
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) return scopes;
    const std::string_view one = text.substr(0, text.find(' '));
    scopes.push_back(TRY(Scope::parse(one)));
    text.remove_prefix(one.size());
  }
}

std::string to_string(const std::vector<Scope>& scopes) {
  std::string text;
  for (const Scope& scope : scopes) {
    if (!text.empty()) text += ' ';
    text += scope.str();
  }
  return text;
}

namespace {

struct TokenWire {
  std::string token;
  std::string access_token;
  std::string refresh_token;
  std::int64_t expires_in = 0;  // seconds
  std::string issued_at;
};

void fields(json::Fields& f, TokenWire& wire) {
  f("token", wire.token);
  f("access_token", wire.access_token);
  f("refresh_token", wire.refresh_token);
  f("expires_in", wire.expires_in);
  f("issued_at", wire.issued_at);
}

}  // namespace

Result<TokenResponse> parse_token_response(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json), {.bytes = kMaxTokenBytes}));
  TokenWire wire = TRY(json::decode<TokenWire>(document.root()));
  TokenResponse response{.token = std::move(wire.token.empty() ? wire.access_token : wire.token),
                         .refresh_token = std::move(wire.refresh_token),
                         .issued_at = std::move(wire.issued_at)};
  if (response.token.empty()) return error(Code::InvalidArgument, "token: is required");
  // It is going to stand in a header.
  if (!std::ranges::all_of(response.token, [](char c) { return c > 0x20 && c < 0x7f; }))
    return error(Code::InvalidArgument, "token: holds characters that a token must not");
  constexpr std::int64_t kMostSeconds = std::int64_t{10} * 365 * 24 * 3600;
  if (wire.expires_in > 0)
    response.expires_in = std::chrono::seconds(std::min(wire.expires_in, kMostSeconds));
  return response;
}

std::string to_json(const TokenResponse& response) {
  // Old clients read the one, OAuth2's the other.
  return json::encode(TokenWire{.token = response.token,
                                .access_token = response.token,
                                .refresh_token = response.refresh_token,
                                .expires_in = response.expires_in.count(),
                                .issued_at = response.issued_at});
}

}  // namespace gantry::oci
