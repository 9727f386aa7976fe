// SPDX-License-Identifier: Apache-2.0
//
// One request and its answer, on a connection that a thread of the pool has to
// itself. What Request and ResponseWriter show to a handler is kept here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/body.h"
#include "http/frame_source.h"
#include "http/parser.h"
#include "http/server.h"
#include "http/stream.h"

namespace gantry::http {

class Connection;

class Exchange final : public ResponseChannel {
 public:
  // How the connection goes on.
  enum class Next : std::uint8_t {
    Request,  // at its next request
    Close,    // nothing of the peer is left unread
    Drain,    // closed too, but the peer may still be sending
    HandedOver
  };

  Exchange(Connection& connection, const ServerOptions& options, ParsedRequest request);

  // Calls the handler and completes whatever it left open. `may_keep`: the connection may serve another
  // request.
  Next run(const Handler& handler, bool may_keep);
  // An answer of the server itself, in place of a handler's.
  Next refuse(int status, const Error& reason);

  Result<void> send(int status, std::string_view body) override;
  Result<void> send_file(int status, int file, std::uint64_t offset, std::uint64_t length) override;
  Result<void> start(int status, std::optional<std::uint64_t> length) override;
  Result<void> write(std::span<const std::byte> from) override;
  Result<void> stream(int status, std::shared_ptr<FrameSource> source) override;
  Result<Stream> hijack(int status) override;
  bool has_started() const override { return status_ != 0; }
  int socket() const override;

 private:
  Result<void> begin(int status, Framing framing);
  Result<void> send_error(const Error& failure);
  Next finish(const Result<void>& handled);
  void tell(std::chrono::steady_clock::time_point began, const Error* failure) const;
  bool drain_body();

  Connection& connection_;
  const ServerOptions& options_;
  const ParsedRequest parsed_;
  BodyReader body_;
  ResponseWriter response_;
  std::optional<BodyWriter> writer_;  // once the head is on its way
  int status_ = 0;
  bool keeps_alive_ = false;
  bool is_handed_over_ = false;
};

}  // namespace gantry::http
