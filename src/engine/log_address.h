// SPDX-License-Identifier: Apache-2.0
//
// Where a log service listens, from the options of its driver: syslog-address, fluentd-address, or journald's
// own place.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "engine/log_options.h"

namespace gantry::engine {

struct LogAddress {
  enum class Kind : std::uint8_t {
    UnixDatagram,
    Unix,  // a stream, or datagrams where the service wants those
    Udp,
    Tcp,
    Tls,
  };
  Kind kind = Kind::UnixDatagram;
  std::string path;  // of a unix socket
  std::string host;
  std::uint16_t port = 0;

  // Of Kind::Tls.
  std::string ca_file, certificate_file, key_file;  // PEM; empty: the host's authorities, none
  bool verify = true;

  bool is_unix() const { return kind == Kind::UnixDatagram || kind == Kind::Unix; }
  std::string str() const;  // for messages: "tcp://127.0.0.1:24224"

  // InvalidArgument for what is no address of the settings' driver.
  static Result<LogAddress> of(const LogSettings& settings);
};

}  // namespace gantry::engine
