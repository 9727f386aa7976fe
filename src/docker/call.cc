// SPDX-License-Identifier: Apache-2.0
#include "docker/call.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "docker/errors.h"
#include "http/headers.h"

namespace gantry::docker {
namespace {

bool is_json(std::string_view content_type) {
  return http::equals_ignoring_case(http::trim(content_type.substr(0, content_type.find(';'))),
                                    "application/json");
}

}  // namespace

std::string Call::text(std::string_view name) const { return std::string(query.get(name).value_or("")); }

bool Call::flag(std::string_view name, bool otherwise) const {
  const auto value = query.get(name);
  if (!value) return otherwise;
  constexpr std::array<std::string_view, 5> kFalse = {"", "0", "no", "false", "none"};
  const std::string_view word = http::trim(*value);
  return std::ranges::none_of(kFalse, [&](auto no) { return http::equals_ignoring_case(word, no); });
}

Result<std::optional<std::int64_t>> Call::number(std::string_view name) const {
  const std::string_view value = query.get(name).value_or("");
  if (value.empty()) return std::nullopt;
  std::int64_t number = 0;
  const char* end = value.data() + value.size();
  const auto [stopped, failure] = std::from_chars(value.data(), end, number);
  if (failure == std::errc::result_out_of_range)
    return error(Code::InvalidArgument, "invalid value for '{}': '{}' is out of range", name, value);
  if (failure != std::errc{} || stopped != end)
    return error(Code::InvalidArgument, "invalid value for '{}': '{}' is not an integer", name, value);
  return number;
}

Result<std::pair<std::uint16_t, std::uint16_t>> Call::terminal_size() const {
  constexpr std::int64_t kMost = std::numeric_limits<std::uint16_t>::max();
  const std::int64_t rows = TRY(number("h")).value_or(0), columns = TRY(number("w")).value_or(0);
  if (rows < 0 || rows > kMost || columns < 0 || columns > kMost)
    return error(Code::InvalidArgument, "invalid terminal size: {} rows, {} columns", rows, columns);
  return std::pair(static_cast<std::uint16_t>(rows), static_cast<std::uint16_t>(columns));
}

Result<void> Call::read_body(void* object, const json::Type& type, Body presence) {
  const std::string text = TRY(request.read_body(kMostJson));
  if (text.empty()) {
    if (presence == Body::Optional) return {};
    return error(Code::InvalidArgument, "invalid JSON: got EOF while reading request body");
  }
  const std::string_view content_type = request.headers().get_or("Content-Type", "");
  if (!is_json(content_type))
    return error(Code::InvalidArgument, "unsupported Content-Type header ({}): must be 'application/json'",
                 content_type);
  const json::Document document = TRY_DURING(json::Document::parse(text), "invalid JSON");
  // Clients written in Go send this for an object that they do not have.
  if (document.root().is_null() && presence == Body::Optional) return {};
  return json::decode(document.root(), object, type, json::UnknownKeys::Ignore);
}

Result<void> Call::send(int status) { return response.send(status); }

Result<void> Call::send_json(std::string_view json, int status) {
  response.headers.set("Content-Type", "application/json");
  return response.send(status, json);
}

Result<void> Call::refuse(int status, std::string_view message) {
  return send_json(error_body(message), status);
}

}  // namespace gantry::docker
