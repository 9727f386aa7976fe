// SPDX-License-Identifier: Apache-2.0
//
// Tells who follows a log that it was written to or rotated. One inotify(7) instance for a whole event loop,
// because a user may have only 128 of them.
//
//   LogChanges changes(loop);
//   TRY(changes.open());
//   LogChanges::Interest interest(changes);
//   TRY(interest.start(paths.log, Callback::to<&LogStream::on_log>(*this)));
//
// On the loop's thread. A change may be told of more than once, or where there was none.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"

namespace gantry::engine {

class LogChanges {
 public:
  explicit LogChanges(EventLoop& loop) : watch_(loop, Callback::to<&LogChanges::on_ready>(*this)) {}
  Result<void> open();

  // In the directory of one log. The owner's callback may stop or destroy any interest.
  class Interest {
   public:
    explicit Interest(LogChanges& changes) : changes_(changes) {}
    Interest(const Interest&) = delete;
    Interest& operator=(const Interest&) = delete;
    ~Interest() { stop(); }
    // `log_path` of the current file, whose directory exists. To be called before reading, or a change
    // between the two is missed.
    Result<void> start(const std::string& log_path, Callback callback);
    void stop();

   private:
    friend class LogChanges;
    LogChanges& changes_;
    std::optional<Callback> callback_;
    int directory_ = -1;  // inotify's number of it
  };

 private:
  void on_ready();
  void tell(int directory);

  UniqueFd inotify_;
  Watch watch_;
  std::map<int, std::set<Interest*>> interests_;
  std::set<Interest*> telling_;  // those of the change being told whose callbacks have not run yet
};

}  // namespace gantry::engine
