// SPDX-License-Identifier: Apache-2.0
#include "http/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/base64.h"
#include "base/printable.h"

namespace gantry::http {
namespace {

constexpr auto npos = std::string_view::npos;

// Digits only: no sign, no space, no overflow.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.begin(), text.end(), number);
  if (text.empty() || text.front() == '-' || failed != std::errc{} || end != text.end()) return std::nullopt;
  return number;
}

// "bytes=" or "bytes " and what follows; the unit's case does not matter.
std::optional<std::string_view> after_bytes_unit(std::string_view value, char separator) {
  constexpr std::string_view kUnit = "bytes";
  if (value.size() <= kUnit.size() || !equals_ignoring_case(value.substr(0, kUnit.size()), kUnit) ||
      value[kUnit.size()] != separator)
    return std::nullopt;
  return trim(value.substr(kUnit.size() + 1));
}

Result<void> append_headers(std::string& text, const HeaderMap& headers) {
  for (const Header& header : headers) {
    if (!is_token(header.name))
      return error(Code::InvalidArgument, "'{}' is no header name", printable(header.name));
    if (!is_field_value(header.value))
      return error(Code::InvalidArgument, "header {}: '{}' has control characters", header.name,
                   printable(header.value));
    text.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  text += "\r\n";
  return {};
}

constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

std::string_view RequestHead::path() const {
  const std::string_view view = target;
  return view.substr(0, view.find('?'));
}

std::string_view RequestHead::query() const {
  const std::string_view view = target;
  const std::size_t mark = view.find('?');
  return mark == npos ? std::string_view{} : view.substr(mark + 1);
}

std::string_view status_text(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return {};
  }
}

int status_of(Code code) {
  switch (code) {
    case Code::InvalidArgument: return 400;
    case Code::PermissionDenied: return 403;
    case Code::NotFound: return 404;
    case Code::AlreadyExists:
    case Code::Conflict: return 409;
    case Code::Unsupported: return 501;
    case Code::Unavailable: return 503;
    case Code::ResourceExhausted: return 507;
    case Code::TimedOut: return 504;
    case Code::Internal:
    case Code::DataLoss: return 500;
  }
  return 500;
}

Code code_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
    case 407: return Code::PermissionDenied;
    case 404:
    case 410: return Code::NotFound;
    case 405:
    case 415:
    case 501: return Code::Unsupported;
    case 409:
    case 412: return Code::Conflict;
    case 413:
    case 507: return Code::ResourceExhausted;
    case 408:
    case 504: return Code::TimedOut;
    case 429:
    case 502:
    case 503: return Code::Unavailable;
    default: return status >= 400 && status < 500 ? Code::InvalidArgument : Code::Internal;
  }
}

Result<std::string> serialize(const RequestHead& head) {
  if (!is_token(head.method))
    return error(Code::InvalidArgument, "'{}' is no method", printable(head.method));
  if (head.target.empty() || !std::ranges::all_of(head.target, [](char c) { return c > ' ' && c < 0x7f; }))
    return error(Code::InvalidArgument, "'{}' is no request target", printable(head.target));
  std::string text;
  text.reserve(512);
  text.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  TRY(append_headers(text, head.headers));
  return text;
}

Result<std::string> serialize(const ResponseHead& head) {
  if (head.status < 100 || head.status > 999)
    return error(Code::InvalidArgument, "{} is no HTTP status", head.status);
  std::string text;
  text.reserve(512);
  fmt::format_to(std::back_inserter(text), "HTTP/1.1 {} {}\r\n", head.status, status_text(head.status));
  TRY(append_headers(text, head.headers));
  return text;
}

std::string format_http_date(std::time_t time) {
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[utc.tm_wday], utc.tm_mday,
                     kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::optional<std::time_t> parse_http_date(std::string_view text) {
  // Fixed places: "Sun, 06 Nov 1994 08:49:37 GMT".
  if (text.size() != 29) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t digits) {
    return static_cast<int>(parse_number(text.substr(at, digits)).value_or(9999));
  };
  const auto* month = std::ranges::find(kMonths, text.substr(8, 3));
  if (month == std::end(kMonths)) return std::nullopt;
  std::tm utc{};
  utc.tm_mday = number(5, 2);
  utc.tm_mon = static_cast<int>(month - std::begin(kMonths));
  utc.tm_year = number(12, 4) - 1900;
  utc.tm_hour = number(17, 2);
  utc.tm_min = number(20, 2);
  utc.tm_sec = number(23, 2);
  const std::time_t time = ::timegm(&utc);
  // Whatever was no number, out of range or in another place comes out different.
  if (format_http_date(time) != text) return std::nullopt;
  return time;
}

Result<std::optional<ByteRange>> parse_range(std::string_view value, std::uint64_t size) {
  const auto set = after_bytes_unit(value, '=');
  if (!set || set->contains(',')) return std::optional<ByteRange>{};
  const std::size_t dash = set->find('-');
  if (dash == npos) return std::optional<ByteRange>{};
  const std::string_view first_text = trim(set->substr(0, dash));
  const std::string_view last_text = trim(set->substr(dash + 1));
  const auto first = parse_number(first_text);
  const auto last = parse_number(last_text);
  const auto unsatisfiable = [&] {
    return error(Code::InvalidArgument, "range '{}' is outside of {} bytes", printable(value), size);
  };
  if (first_text.empty()) {  // the last so many
    if (!last) return std::optional<ByteRange>{};
    if (*last == 0 || size == 0) return unsatisfiable();
    const std::uint64_t length = std::min(*last, size);
    return std::optional(ByteRange{size - length, length});
  }
  if (!first || (!last && !last_text.empty()) || (last && *last < *first)) return std::optional<ByteRange>{};
  if (*first >= size) return unsatisfiable();
  return std::optional(ByteRange{*first, std::min(last.value_or(size - 1), size - 1) - *first + 1});
}

std::string format_content_range(const ContentRange& range) {
  const std::string size = range.size ? fmt::format("{}", *range.size) : "*";
  if (range.range.length == 0) return fmt::format("bytes */{}", size);
  return fmt::format("bytes {}-{}/{}", range.range.offset, range.range.offset + range.range.length - 1, size);
}

Result<ContentRange> parse_content_range(std::string_view value) {
  const auto bad = [&] { return error(Code::InvalidArgument, "'{}' is no Content-Range", printable(value)); };
  const auto text = after_bytes_unit(value, ' ');
  if (!text) return bad();
  const std::size_t slash = text->find('/');
  if (slash == npos) return bad();
  const std::string_view range = text->substr(0, slash);
  const std::string_view size = text->substr(slash + 1);
  ContentRange result;
  if (size != "*") {
    result.size = parse_number(size);
    if (!result.size) return bad();
  }
  if (range == "*") return result;
  const std::size_t dash = range.find('-');
  if (dash == npos) return bad();
  const auto first = parse_number(range.substr(0, dash));
  const auto last = parse_number(range.substr(dash + 1));
  if (!first || !last || *last < *first || (result.size && *last >= *result.size)) return bad();
  if (*last - *first == UINT64_MAX) return bad();
  result.range = {*first, *last - *first + 1};
  return result;
}

std::optional<std::uint64_t> parse_retry_after(std::string_view value, std::time_t now) {
  if (const auto seconds = parse_number(trim(value))) return seconds;
  const auto date = parse_http_date(trim(value));
  if (!date) return std::nullopt;
  return *date > now ? static_cast<std::uint64_t>(*date - now) : 0;
}

std::string format_basic(const BasicCredentials& credentials) {
  return "Basic " + to_base64(credentials.user + ":" + credentials.password);
}

std::optional<BasicCredentials> parse_basic(std::string_view authorization) {
  constexpr std::string_view kScheme = "Basic ";
  if (!equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const auto text = from_base64(trim(authorization.substr(kScheme.size())));
  const std::size_t colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  return BasicCredentials{text->substr(0, colon), text->substr(colon + 1)};
}

}  // namespace gantry::http
