// SPDX-License-Identifier: Apache-2.0
//
// What a record of a container's log becomes on the way to a service: a message of syslog (RFC 3164 or RFC
// 5424), fields of the journal (systemd's "Native Journal Protocol"), or an event of fluentd's forward
// protocol.
//
//   auto encoder = TRY(make_log_encoder(settings, source));
//   TRY(connection.send(encoder->encode(record)));
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "engine/log_options.h"
#include "engine/log_reader.h"

namespace gantry::engine {

// Whose log it is.
struct LogSource {
  std::string container_id;
  std::string container_name;
  std::string image_name;
  std::string tag;  // expanded
};

class LogEncoder {
 public:
  virtual ~LogEncoder() = default;
  // A datagram, or a message as it is told from the next one on a stream. The same for the same record.
  virtual std::string encode(const LogRecord& record) const = 0;
  // What the service says when it has taken the record; empty where services say nothing.
  virtual std::string receipt(const LogRecord&) const { return {}; }
};

// InvalidArgument for an address, facility or format that cannot be.
Result<std::unique_ptr<LogEncoder>> make_log_encoder(const LogSettings& settings, const LogSource& source);

// One for each driver: syslog_encoder.cc, journal_encoder.cc, fluentd_encoder.cc.
Result<std::unique_ptr<LogEncoder>> make_syslog_encoder(const LogSettings& settings, const LogSource& source);
std::unique_ptr<LogEncoder> make_journal_encoder(const LogSettings& settings, const LogSource& source);
std::unique_ptr<LogEncoder> make_fluentd_encoder(const LogSettings& settings, const LogSource& source);

}  // namespace gantry::engine
