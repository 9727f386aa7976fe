// SPDX-License-Identifier: Apache-2.0
//
// send_ranged_file: conditional and range requests (RFC 9110 sections 13 and 14) on a file.
#include <string>

#include "http/server.h"

namespace gantry::http {
namespace {

// Whether a list of entity tags names this one, or any. If-None-Match compares weakly.
bool names_etag(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view one = trim(list.substr(0, comma));
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == etag || one == "*") return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

Result<void> send_ranged_file(const Request& request, ResponseWriter& response, int file, std::uint64_t size,
                              const std::string& etag) {
  const HeaderMap& headers = request.headers();
  response.headers.set("Accept-Ranges", "bytes");
  if (!etag.empty()) {
    response.headers.set("ETag", etag);
    if (names_etag(headers.get_or("If-None-Match", ""), etag)) return response.send(304);
  }
  const auto wanted = headers.get("Range");
  const auto only_if = headers.get("If-Range");
  if (!wanted || request.method() != "GET" || (only_if && (etag.empty() || *only_if != etag)))
    return response.send_file(200, file, 0, size);
  const auto range = parse_range(*wanted, size);
  if (!range) {
    response.headers.set("Content-Range", format_content_range({.size = size}));
    return response.send(416);
  }
  if (!*range) return response.send_file(200, file, 0, size);
  response.headers.set("Content-Range", format_content_range({.range = **range, .size = size}));
  return response.send_file(206, file, (*range)->offset, (*range)->length);
}

}  // namespace gantry::http
