// SPDX-License-Identifier: Apache-2.0
//
// A reverse proxy in two steps, between which the caller may look: a request as it is sent on, and an answer
// as it comes back. Upgrades (WebSocket, SPDY and whatever else) are passed through.
//
//   ClientRequest forwarded = forwarded_request(request, url);
//   forwarded.headers.remove("Authorization");
//   ClientResponse answer = TRY(client.send(forwarded));
//   return pass_on(std::move(answer), request, response, loop);
#pragma once

#include "base/error.h"
#include "http/client.h"
#include "http/server.h"
#include "http/stream_loop.h"
#include "http/url.h"

namespace gantry::http {

// The protocol that is asked for instead of HTTP; empty: none.
std::string_view wanted_upgrade(const HeaderMap& headers);

// The request's method, end-to-end fields and body for `url`; the peer is added to X-Forwarded-For. Borrows
// the request.
ClientRequest forwarded_request(Request& request, Url url);

// Sends status, end-to-end fields and body of `answer`. A body of some size, or one whose end is not known
// yet, goes on by itself when this returns, and so does a connection that was upgraded: then `loop` has it.
Result<void> pass_on(ClientResponse answer, Request& request, ResponseWriter& response, StreamLoop& loop);

// The same in its two steps, between which the fields may be changed.
void pass_on_fields(const ClientResponse& answer, ResponseWriter& response);
Result<void> pass_on_rest(ClientResponse answer, Request& request, ResponseWriter& response,
                          StreamLoop& loop);
// Status and body alone, under the fields that the response has already.
Result<void> pass_on_body(ClientResponse answer, Request& request, ResponseWriter& response,
                          StreamLoop& loop);

}  // namespace gantry::http
