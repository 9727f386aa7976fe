// SPDX-License-Identifier: Apache-2.0
//
// The heads of HTTP messages (RFC 9110, RFC 9112), and the small languages
// inside their fields that both sides speak: dates, ranges, Basic credentials.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/headers.h"

namespace gantry::http {

struct RequestHead {
  std::string method = "GET";
  std::string target = "/";  // as on the request line, still percent-encoded
  HeaderMap headers;
  bool is_http_1_0 = false;

  std::string_view path() const;
  // Without the '?'; empty when there is none.
  std::string_view query() const;
};

struct ResponseHead {
  int status = 200;
  HeaderMap headers;
  bool is_http_1_0 = false;
};

// "Not Found" for 404; empty for a status nobody has named.
std::string_view status_text(int status);
// The status for an error that a handler did not translate itself, and the code for a status that a client
// got and does not understand better.
int status_of(Code code);
Code code_of_status(int status);

// What stands before the body on the wire. Fails with InvalidArgument when a method, target, name or value
// has bytes that would end its line or begin another.
Result<std::string> serialize(const RequestHead& head);
Result<std::string> serialize(const ResponseHead& head);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7); obsolete forms are not read.
std::string format_http_date(std::time_t time);
std::optional<std::time_t> parse_http_date(std::string_view text);

// A part of something that has a size, in bytes.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool operator==(const ByteRange&) const = default;
};

// What a Range field asks of `size` bytes.
//   nullopt: everything (no range, not in bytes, several ranges, or not understood: RFC 9110 section 14.2)
//   Error InvalidArgument: nothing of it is there; answer 416
Result<std::optional<ByteRange>> parse_range(std::string_view value, std::uint64_t size);

// "bytes 0-99/1234" or, with '*' for the size, without it.
struct ContentRange {
  ByteRange range;
  std::optional<std::uint64_t> size;
};
std::string format_content_range(const ContentRange& range);
Result<ContentRange> parse_content_range(std::string_view value);

// How long a Retry-After field asks to wait from `now`; seconds, or a date. Nullopt when it is neither.
std::optional<std::uint64_t> parse_retry_after(std::string_view value, std::time_t now);

// "Basic dXNlcjpwYXNz" (RFC 7617).
struct BasicCredentials {
  std::string user;
  std::string password;
};
std::string format_basic(const BasicCredentials& credentials);
// Nullopt when the field is of another scheme or broken.
std::optional<BasicCredentials> parse_basic(std::string_view authorization);

}  // namespace gantry::http
