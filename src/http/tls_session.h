// SPDX-License-Identifier: Apache-2.0
//
// TLS on one socket, or inside of another session: OpenSSL's calls with our kind of answers. Part of Stream.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/stream.h"
#include "http/tls.h"

namespace gantry::http {

class TlsSession {
 public:
  // `host`: whom the certificate has to name, if the context verifies. `below`: the session with a proxy that
  // this one goes through; null: none.
  static Result<std::unique_ptr<TlsSession>> connect(const TlsContext& context, int socket,
                                                     const std::string& host,
                                                     std::unique_ptr<TlsSession> below);
  static Result<std::unique_ptr<TlsSession>> accept(const TlsContext& context, int socket);

  Result<Stream::Wants> try_handshake();
  Result<Stream::Attempt> try_read(std::span<std::byte> into);
  Result<Stream::Attempt> try_write(std::string_view from);
  // Tells the peer that nothing follows, as far as that goes without waiting.
  void close_notify();
  void forgo_goodbye() { has_failed_ = true; }
  bool has_buffered() const {
    if (has_read_all_) return false;
    return ::SSL_has_pending(ssl_.get()) == 1 || (below_ != nullptr && below_->has_buffered());
  }
  std::shared_ptr<const PeerCertificate> peer_certificate() const;
  std::string_view chosen_protocol() const;

 private:
  struct Free {
    void operator()(SSL* ssl) const { ::SSL_free(ssl); }
  };
  static Result<std::unique_ptr<TlsSession>> make(const TlsContext& context, int socket,
                                                  std::unique_ptr<TlsSession> below);
  explicit TlsSession(SSL* ssl) : ssl_(ssl) {}
  Result<Stream::Attempt> outcome(int returned, std::string_view doing);

  std::unique_ptr<TlsSession> below_;  // before ssl_, which uses it
  std::unique_ptr<SSL, Free> ssl_;
  bool is_done_ = false;  // the handshake
  // What is held is at most a part of a record, whose rest has to come before there is something to read.
  bool has_read_all_ = false;
  bool has_failed_ = false;  // then nothing may be sent any more
};

}  // namespace gantry::http
