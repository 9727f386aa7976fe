// SPDX-License-Identifier: Apache-2.0
//
// How an HTTP/1.1 connection becomes a WebSocket (RFC 6455, section 4).
//
//   // a server
//   response.headers of TRY(accept_websocket(request.head(), {{"v5.channel.k8s.io", "v4.channel.k8s.io"}}))
//   Stream stream = TRY(response.hijack(101));
//
//   // a client
//   WebSocketOffer offer({"v4.channel.k8s.io"});
//   ClientResponse answer = TRY(client.send(offer.request(url)));
//   const std::string protocol = TRY(offer.check(answer));
//   Stream stream = TRY(std::move(answer).take_stream());
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/client.h"
#include "http/headers.h"
#include "http/message.h"

namespace gantry::http {

// Whether the client asks for one at all.
bool wants_websocket(const HeaderMap& headers);

struct WebSocketAcceptance {
  HeaderMap headers;        // of the answer 101
  std::string subprotocol;  // that was agreed on; empty: none
};

// `subprotocols` are those that the server speaks, the best first; of those that the client offers, the
// first of them is taken. A client that offers some and finds none of them here gets none. InvalidArgument
// for what is no proper request; Unsupported for another version of the protocol than 13, the only one.
Result<WebSocketAcceptance> accept_websocket(const RequestHead& request,
                                             std::initializer_list<std::string_view> subprotocols = {});

// One offer of a client.
class WebSocketOffer {
 public:
  explicit WebSocketOffer(std::vector<std::string> subprotocols = {});

  ClientRequest request(Url url) const;
  // The subprotocol that the server took; empty: none. DataLoss when what came back is no acceptance of this
  // offer; other statuses than 101 are errors with that status' code and the server's words.
  Result<std::string> check(ClientResponse& answer) const;

 private:
  const std::vector<std::string> subprotocols_;
  const std::string key_;
};

}  // namespace gantry::http
