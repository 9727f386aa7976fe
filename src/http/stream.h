// SPDX-License-Identifier: Apache-2.0
//
// The two byte streams of a connection: a socket, with TLS on it or not. It is
// what an upgrade hands over; everything else in this folder stands on it.
//
// The socket does not block; read and write wait for it in poll(2), each time
// at most `timeout`, and never past `deadline`. One thread reads and one writes
// at a time, without TLS also at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "http/tls.h"

namespace gantry::http {

class TlsSession;

class Stream final : public ByteSource, public ByteSink {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Takes a connected socket and makes it non-blocking.
  static Result<Stream> over(UniqueFd socket);
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream() override;

  // ---- Blocking, with limits

  // nullopt: wait for ever. What passes is an Error TimedOut.
  void set_timeout(std::optional<std::chrono::milliseconds> timeout) { timeout_ = timeout; }
  void set_deadline(std::optional<Time> deadline) { deadline_ = deadline; }
  // A peer that always moves a little is too slow as well: in all it may be waited for as long as `grace`,
  // and a second more for every so many bytes that it sent or took. Counts from now.
  void set_least_rate(std::chrono::milliseconds grace, std::uint64_t bytes_per_second);

  // At least one byte; 0 at the end of the peer's stream.
  Result<std::size_t> read(std::span<std::byte> into) override;
  Result<void> write(std::span<const std::byte> from) override;
  // Several pieces, at most eight, as one, with as few packets as it takes. `more_follows` holds back a last
  // short packet.
  Result<void> write(std::span<const std::string_view> pieces, bool more_follows = false);
  // A part of a file, by sendfile(2) where there is no TLS. DataLoss when the file ends early.
  // Raises SIGPIPE when the peer is gone, so the thread blocks or ignores that, as those of a ThreadPool do.
  Result<void> write_file(int file, std::uint64_t offset, std::uint64_t length);
  // No more will be written: the peer reads the end. Reading goes on.
  Result<void> shut_down_writing();

  // A peer that has vanished without a word is found out, in about two minutes, although nothing is sent.
  void keep_alive();
  // The peer is to notice that this is no regular end: the connection is reset when it is closed.
  void abort();

  // ---- For event loops

  enum class Wants : std::uint8_t { Nothing, Reading, Writing };  // what to wait for before trying again
  struct Attempt {
    std::size_t bytes = 0;
    Wants wants = Wants::Nothing;  // Nothing and no bytes: the end
  };
  Result<Attempt> try_read(std::span<std::byte> into);
  Result<Attempt> try_write(std::span<const std::byte> from);
  // Whether bytes wait inside, where poll(2) does not see them.
  bool has_buffered() const;
  // Gives bytes back that were read too far: the next read gets them.
  void unread(std::string_view bytes) { unread_.insert(0, bytes); }

  int fd() const { return socket_.get(); }
  bool is_tls() const { return tls_ != nullptr; }

  // ---- TLS

  // As a client: the whole handshake, and the peer's certificate is checked against `host` (a name or an
  // address); once more on a stream that has TLS for a session inside of the first. As a server: begun here,
  // driven by try_handshake() or by the first read.
  Result<void> start_tls(const TlsContext& context, const std::string& host);
  Result<void> accept_tls(const TlsContext& context);
  // One step; Wants::Nothing when it is done.
  Result<Wants> try_handshake();
  // Null: the peer showed none.
  std::shared_ptr<const PeerCertificate> peer_certificate() const;
  // What both sides agreed to speak (ALPN): "h2", "http/1.1"; empty: nothing was said.
  std::string_view chosen_protocol() const;

  // Waits until the socket can do that, within the limits.
  Result<void> wait_until(Wants wants);

 private:
  explicit Stream(UniqueFd socket);
  void earn_patience(std::uint64_t bytes);
  Result<std::size_t> write_some(std::span<const std::string_view> pieces, bool more_follows);

  UniqueFd socket_;
  std::unique_ptr<TlsSession> tls_;  // after socket_: it ends first
  std::string unread_;
  std::optional<std::chrono::milliseconds> timeout_;
  std::optional<Time> deadline_;
  std::uint64_t least_rate_ = 0;              // bytes a second; 0: any
  std::chrono::nanoseconds patience_left_{};  // while least_rate_ is set
};

}  // namespace gantry::http
