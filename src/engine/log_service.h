// SPDX-License-Identifier: Apache-2.0
//
// A log service of the host that takes datagrams: syslog (RFC 3164 or RFC 5424, over a unix socket or UDP) or
// journald (systemd's "Native Journal Protocol"). What a record becomes on the wire, and the socket to send
// it by.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"
#include "engine/log_options.h"
#include "engine/log_reader.h"

namespace gantry::engine {

struct LogSource {
  std::string container_id;
  std::string container_name;
  std::string image_name;
  std::string tag;
};

class LogService {
 public:
  // InvalidArgument for an address, facility or format that cannot be; Unsupported for what is not datagrams.
  static Result<LogService> make(const LogSettings& settings, const LogSource& source);

  std::string encode(const LogRecord& record) const;
  // Sends one datagram without waiting. Unavailable: nobody takes it now.
  Result<void> send(const std::string& datagram);

 private:
  enum class Form : std::uint8_t { Syslog3164, Syslog5424, Syslog5424Micro, Journal };
  LogService() = default;
  Result<void> take_options(const LogSettings& settings);
  Result<void> take_address(const std::string& url);
  Result<void> open();
  std::string encode_syslog(const LogRecord& record) const;
  std::string encode_journal(const LogRecord& record) const;

  Form form_ = Form::Syslog3164;
  bool is_local_ = true;   // syslog on this host adds its name by itself
  unsigned facility_ = 3;  // daemon
  LogSource source_;
  std::map<std::string, std::string> attributes_;
  sockaddr_storage address_{};
  socklen_t address_size_ = 0;
  UniqueFd socket_;
};

}  // namespace gantry::engine
