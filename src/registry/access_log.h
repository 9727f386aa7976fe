// SPDX-License-Identifier: Apache-2.0
//
// One line a request, in the combined form of Apache and nginx or as a JSON object. A line is one write(2),
// so lines of several threads do not mix; one that cannot be written is lost. Thread-safe.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "http/server.h"
#include "registry/config.h"

namespace gantry::registry {

// Without the line's end. `user` is empty for nobody in particular.
std::string access_line(AccessLogFormat format, const http::RequestSummary& summary, std::string_view user,
                        timespec time);

class AccessLog {
 public:
  // An empty path logs nothing.
  static Result<std::unique_ptr<AccessLog>> open(const AccessLogConfig& config);

  bool is_on() const { return !config_.path.empty(); }
  void write(const http::RequestSummary& summary, std::string_view user);
  // Stays with the old file when the new one cannot be opened.
  Result<void> reopen();

 private:
  explicit AccessLog(const AccessLogConfig& config) : config_(config) {}

  const AccessLogConfig config_;
  Mutex mutex_;  // guards what follows
  UniqueFd file_ GUARDED_BY(mutex_);
};

}  // namespace gantry::registry
