// SPDX-License-Identifier: Apache-2.0
#include "http/websocket_handshake.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <utility>

#include <fmt/ranges.h>

#include "base/base64.h"
#include "base/random.h"

namespace gantry::http {
namespace {

constexpr std::string_view kVersion = "13";
constexpr std::size_t kKeySize = 16;  // bytes
// What a server that understands the protocol puts behind the client's key (section 1.3).
constexpr std::string_view kMagic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

std::string acceptance_of(std::string_view key) {
  const std::string text = fmt::format("{}{}", key, kMagic);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) std::abort();
  return to_base64({reinterpret_cast<const char*>(digest.data()), size});
}

std::string random_key() {
  std::array<char, kKeySize> bytes{};
  fill_random(std::as_writable_bytes(std::span(bytes)));
  return to_base64({bytes.data(), bytes.size()});
}

bool is_key(std::string_view key) {
  const auto bytes = from_base64(key);
  return bytes && bytes->size() == kKeySize;
}

}  // namespace

bool wants_websocket(const HeaderMap& headers) {
  return headers.has_token("Upgrade", "websocket") && headers.has_token("Connection", "upgrade");
}

Result<WebSocketAcceptance> accept_websocket(const RequestHead& request,
                                             std::initializer_list<std::string_view> subprotocols) {
  const HeaderMap& headers = request.headers;
  if (request.method != "GET" || request.is_http_1_0 || !wants_websocket(headers))
    return error(Code::InvalidArgument, "this is a WebSocket: expected GET with 'Upgrade: websocket'");
  if (trim(headers.get_or("Sec-WebSocket-Version", "")) != kVersion)
    return error(Code::Unsupported, "version {} of the WebSocket protocol is spoken here", kVersion);
  const std::string_view key = trim(headers.get_or("Sec-WebSocket-Key", ""));
  if (headers.count("Sec-WebSocket-Key") != 1 || !is_key(key))
    return error(Code::InvalidArgument, "Sec-WebSocket-Key: expected 16 bytes in base64");

  WebSocketAcceptance acceptance{.headers = {{"Connection", "Upgrade"},
                                             {"Upgrade", "websocket"},
                                             {"Sec-WebSocket-Accept", acceptance_of(key)}}};
  const auto* taken = std::ranges::find_if(subprotocols, [&](std::string_view protocol) {
    return headers.has_token("Sec-WebSocket-Protocol", protocol);
  });
  if (taken != subprotocols.end()) {
    acceptance.subprotocol = *taken;
    acceptance.headers.set("Sec-WebSocket-Protocol", acceptance.subprotocol);
  }
  return acceptance;
}

WebSocketOffer::WebSocketOffer(std::vector<std::string> subprotocols)
    : subprotocols_(std::move(subprotocols)), key_(random_key()) {}

ClientRequest WebSocketOffer::request(Url url) const {
  ClientRequest request{.url = std::move(url), .upgrade = "websocket"};
  request.headers.set("Sec-WebSocket-Version", std::string(kVersion));
  request.headers.set("Sec-WebSocket-Key", key_);
  if (!subprotocols_.empty())
    request.headers.set("Sec-WebSocket-Protocol", fmt::format("{}", fmt::join(subprotocols_, ", ")));
  return request;
}

Result<std::string> WebSocketOffer::check(ClientResponse& answer) const {
  if (answer.status() != 101) {
    const std::string words = TRY(answer.read_body());
    return error(code_of_status(answer.status()), "no WebSocket: status {} {}{}{}", answer.status(),
                 status_text(answer.status()), words.empty() ? "" : ": ", trim(words));
  }
  const HeaderMap& headers = answer.headers();
  if (!wants_websocket(headers) || trim(headers.get_or("Sec-WebSocket-Accept", "")) != acceptance_of(key_))
    return error(Code::DataLoss, "no WebSocket: the answer does not accept what was asked for");
  if (headers.has("Sec-WebSocket-Extensions"))
    return error(Code::DataLoss, "no WebSocket: the server uses extensions that were not offered");
  std::string protocol(trim(headers.get_or("Sec-WebSocket-Protocol", "")));
  if (!protocol.empty() && std::ranges::find(subprotocols_, protocol) == subprotocols_.end())
    return error(Code::DataLoss, "no WebSocket: the server took a subprotocol that was not offered");
  return protocol;
}

}  // namespace gantry::http
