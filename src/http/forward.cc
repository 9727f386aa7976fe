// SPDX-License-Identifier: Apache-2.0
#include "http/forward.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "http/relay.h"
#include "http/response_frames.h"

namespace gantry::http {
namespace {

constexpr std::uint64_t kCopied = 1 << 20;  // bytes of a body that the handler's thread may as well pass on

// RFC 9110 section 7.6.1: what is said to the next hop only.
bool is_of_hop(const HeaderMap& headers, std::string_view name) {
  constexpr std::string_view kNames[] = {"Connection",
                                         "Keep-Alive",
                                         "Proxy-Authenticate",
                                         "Proxy-Authorization",
                                         "Proxy-Connection",
                                         "TE",
                                         "Trailer",
                                         "Transfer-Encoding",
                                         "Upgrade"};
  return std::ranges::any_of(kNames, [&](std::string_view one) { return equals_ignoring_case(name, one); }) ||
         headers.has_token("Connection", name);
}

void add_end_to_end(const HeaderMap& from, HeaderMap& to) {
  for (const Header& header : from)
    if (!is_of_hop(from, header.name)) to.add(header.name, header.value);
}

std::string without_port(const std::string& address) { return address.substr(0, address.rfind(':')); }

Result<void> upgrade(ClientResponse answer, const Request& request, ResponseWriter& response,
                     StreamLoop& loop) {
  const std::string_view wanted = wanted_upgrade(request.headers());
  const std::string_view taken = wanted_upgrade(answer.headers());
  if (taken.empty() || !equals_ignoring_case(wanted, taken))
    return error(Code::DataLoss, "the server changes to the protocol '{}' when it was asked for '{}'",
                 printable(taken), printable(wanted));
  response.headers.set("Connection", "Upgrade");
  response.headers.set("Upgrade", std::string(taken));
  Stream server = TRY(std::move(answer).take_stream());
  Stream client = TRY(response.hijack(101));
  return relay(loop, std::move(client), std::move(server));
}

}  // namespace

std::string_view wanted_upgrade(const HeaderMap& headers) {
  return headers.has_token("Connection", "upgrade") ? trim(headers.get_or("Upgrade", "")) : "";
}

ClientRequest forwarded_request(Request& request, Url url) {
  ClientRequest forwarded{.method = request.method(), .url = std::move(url)};
  add_end_to_end(request.headers(), forwarded.headers);
  std::string addresses = without_port(request.peer().address);
  if (const auto before = request.headers().get("X-Forwarded-For"))
    addresses = fmt::format("{}, {}", *before, addresses);
  forwarded.headers.set("X-Forwarded-For", std::move(addresses));
  forwarded.upgrade = wanted_upgrade(request.headers());
  const bool has_body = request.body_length() != std::uint64_t{0};
  if (!has_body) return forwarded;
  forwarded.body_source = &request.body();
  forwarded.body_length = request.body_length();
  return forwarded;
}

Result<void> pass_on(ClientResponse answer, Request& request, ResponseWriter& response, StreamLoop& loop) {
  pass_on_fields(answer, response);
  return pass_on_rest(std::move(answer), request, response, loop);
}

void pass_on_fields(const ClientResponse& answer, ResponseWriter& response) {
  for (const Header& header : answer.headers()) response.headers.remove(header.name);
  add_end_to_end(answer.headers(), response.headers);
}

Result<void> pass_on_rest(ClientResponse answer, Request& request, ResponseWriter& response,
                          StreamLoop& loop) {
  if (answer.status() == 101) return upgrade(std::move(answer), request, response, loop);
  return pass_on_body(std::move(answer), request, response, loop);
}

Result<void> pass_on_body(ClientResponse answer, Request& request, ResponseWriter& response,
                          StreamLoop& loop) {
  const int status = answer.status();
  if (request.method() == "HEAD") return response.send(status);
  const std::optional<std::uint64_t> length = answer.body_length();
  if (!length || *length > kCopied)
    return response.stream(status, std::make_shared<ResponseFrames>(loop, std::move(answer)));
  TRY(response.start(status, length));
  TRY(copy(answer.body(), response));
  return {};
}

}  // namespace gantry::http
