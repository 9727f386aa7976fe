// SPDX-License-Identifier: Apache-2.0
//
// The records of a TLS 1.3 connection whose handshake is over (RFC 8446 section 5), by the secrets that it
// agreed on: what a connection keeps that may be silent for hours. OpenSSL's session is 19 KiB, this is 400
// bytes. Part of TlsSession, which knows when the one may stand for the other.
//
// Either side may change its key by a KeyUpdate (section 4.6.3); nothing else of a handshake comes any more.
// Not for several threads at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/stream.h"

namespace gantry::http {

// Application traffic secrets, as long as the hash of the cipher suite.
struct TlsSecrets {
  std::string client, server;
};

class TlsRecords {
 public:
  struct Suite;

  // One side's records, and how many of them there were.
  struct Direction {
    std::string_view secret;
    std::uint64_t records = 0;
  };
  // `suite`: as the wire has it (0x1301). Null for one that this does not know. `socket` is borrowed.
  static std::unique_ptr<TlsRecords> make(std::uint16_t suite, int socket, const Direction& in,
                                          const Direction& out);
  TlsRecords(const TlsRecords&) = delete;
  TlsRecords& operator=(const TlsRecords&) = delete;
  ~TlsRecords();  // wipes the keys

  // As Stream's. What could not be written is written again, with the same bytes at its beginning.
  Result<Stream::Attempt> try_read(std::span<std::byte> into);
  Result<Stream::Attempt> try_write(std::string_view from);
  // As far as that goes without waiting.
  void close_notify();
  bool has_buffered() const { return !plain_.empty() || has_whole_record(); }

 private:
  enum class Type : unsigned char { Alert = 21, Handshake = 22, Data = 23 };
  // What one direction is sealed with.
  struct Keys {
    std::array<unsigned char, 48> secret{};
    std::array<unsigned char, 32> key{};
    std::array<unsigned char, 12> iv{};
    std::uint64_t records = 0;  // under this key
  };

  TlsRecords(const Suite& suite, int socket, const Direction& in, const Direction& out);
  void derive(Keys& keys) const;
  void renew(Keys& keys) const;
  void seal(Type type, std::string_view plain, std::string& out);
  void update_own_key(std::string& out);
  Result<bool> send_rest();
  bool has_whole_record() const;
  Result<void> open_record();
  Result<void> take(Type type, std::string plain);
  Result<bool> receive();

  const Suite& suite_;
  const int socket_;
  Keys in_keys_, out_keys_;
  std::string in_;     // records that were not opened yet, or the beginning of one
  std::string plain_;  // opened, and not read yet
  bool has_ended_ = false;
  std::string rest_;          // of records that were sealed and not sent
  std::size_t sealed_ = 0;    // bytes of the caller's in it
  bool owes_update_ = false;  // the peer has asked for another key
};

}  // namespace gantry::http
