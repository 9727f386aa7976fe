// SPDX-License-Identifier: Apache-2.0
#include "engine/log_encoder.h"

namespace gantry::engine {

Result<std::unique_ptr<LogEncoder>> make_log_encoder(const LogSettings& settings, const LogSource& source) {
  switch (settings.driver) {
    case LogDriver::Syslog: return make_syslog_encoder(settings, source);
    case LogDriver::Journald: return make_journal_encoder(settings, source);
    case LogDriver::Fluentd: return make_fluentd_encoder(settings, source);
    default: break;
  }
  return error(Code::Internal, "log driver {} sends nothing anywhere", name_of(settings.driver));
}

}  // namespace gantry::engine
