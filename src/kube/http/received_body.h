// SPDX-License-Identifier: Apache-2.0
//
// The body of a request, received before it is the request's turn: a client that sends slowly waits in the
// room for bodies (kube/fairness/body_room.h) and holds no seat.
//
//   ReceivedBody body(request);
//   TRY(body.receive(room, user.name));
//   http::Request& whole = body.request();     // reads what is here, and waits for nobody
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "http/server.h"
#include "kube/api/status.h"
#include "kube/fairness/body_room.h"

namespace gantry::kube {

class ReceivedBody final : public ByteSource {
 public:
  // Borrows the request.
  explicit ReceivedBody(http::Request& request) : origin_(request) {}
  ReceivedBody(const ReceivedBody&) = delete;
  ReceivedBody& operator=(const ReceivedBody&) = delete;

  // Waits for the body, within the server's limits of time. 429 from the room, 400 if it breaks off. Of one
  // that is larger than any object may be the rest is left to whoever reads it: to be passed on while it
  // comes, or refused; it keeps its place in the room.
  Answer<void> receive(BodyRoom& room, std::string_view user);

  bool is_whole() const { return is_whole_; }
  // The same request, with that body.
  http::Request& request() { return received_ ? *received_ : origin_; }
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  http::Request& origin_;
  std::optional<BodyRoom::Place> place_;  // nothing: there is no body
  std::string bytes_;
  std::size_t read_ = 0;  // of bytes_
  bool is_whole_ = true;
  std::optional<http::Request> received_;
};

}  // namespace gantry::kube
