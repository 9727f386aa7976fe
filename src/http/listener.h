// SPDX-License-Identifier: Apache-2.0
//
// A socket that connections arrive at, and whether they begin with TLS.
//
//   TRY(Listener::tcp("127.0.0.1", 5000))
//   TRY(Listener::unix_socket("/run/gantry.sock", 0660))
//   TRY(Listener::tcp("", 5000)).with_tls(context)
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "http/tls.h"

namespace gantry::http {

class Listener {
 public:
  // A numeric address; "" is every address of the host, both families. Port 0: one that is free.
  static Result<Listener> tcp(const std::string& address, std::uint16_t port);
  // The socket file gets `mode` and goes away with the listener. One that a dead process left is replaced;
  // one that somebody answers at is an Error AlreadyExists.
  static Result<Listener> unix_socket(const std::string& path, mode_t mode);
  // A listening socket that somebody else made (socket activation).
  static Result<Listener> adopt(UniqueFd socket);

  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  // Every connection begins with a handshake.
  Listener with_tls(std::shared_ptr<const TlsContext> context) &&;

  int fd() const { return socket_.get(); }
  const TlsContext* tls() const { return tls_.get(); }
  // "127.0.0.1:5000", "[::1]:5000" or "unix:/run/gantry.sock".
  const std::string& name() const { return name_; }
  std::uint16_t port() const { return port_; }  // 0 for unix sockets

 private:
  explicit Listener(UniqueFd socket) : socket_(std::move(socket)) {}
  Result<void> find_name();

  UniqueFd socket_;
  std::shared_ptr<const TlsContext> tls_;
  std::string name_;
  std::uint16_t port_ = 0;
  std::string path_;  // to be removed; empty when moved from, adopted, or not of a file
  ino_t inode_ = 0;   // of path_, in case somebody has replaced it
};

}  // namespace gantry::http
