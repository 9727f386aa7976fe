// SPDX-License-Identifier: Apache-2.0
//
// Sends a container's log on to another service of the host: syslog, journald, fluentd. The log's files stay
// the truth: a forwarder reads them, as a client of `logs -f` does, and remembers on disk how far it came, so
// that neither a restart of the daemon nor one of the service loses or repeats more than the record under
// way.
//
//   LogForwarder forwarder(loop, dialers, changes, {.log_path = paths.log, .settings = settings, ...});
//   TRY(forwarder.start());
//
// On an event loop. A service that does not answer is tried again; meanwhile the log grows and is rotated as
// it is told to.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "engine/log_changes.h"
#include "engine/log_options.h"

namespace gantry::engine {

struct LogForwarderOptions {
  std::string log_path;
  std::string position_path;  // where it remembers how far it came
  LogSettings settings;
  std::string container_id;
  std::string container_name;
  std::string image_name;
  std::string image_id;  // hexadecimal digits
};

class LogForwarder {
 public:
  // All borrowed; `dialers` make connections, which may take seconds.
  LogForwarder(EventLoop& loop, ThreadPool& dialers, LogChanges& changes, LogForwarderOptions options,
               const Logger& log);
  LogForwarder(const LogForwarder&) = delete;
  LogForwarder& operator=(const LogForwarder&) = delete;
  ~LogForwarder();

  // InvalidArgument for an address that cannot be; that nobody listens there is no error.
  Result<void> start();
  // The container has ended: what is left is sent, then is_done().
  void finish();
  bool is_done() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gantry::engine
