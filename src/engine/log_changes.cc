// SPDX-License-Identifier: Apache-2.0
#include "engine/log_changes.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <climits>
#include <utility>

namespace gantry::engine {

Result<void> LogChanges::open() {
  UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return sys_error("watch logs");
  TRY(watch_.start(inotify.get(), EPOLLIN));
  inotify_ = std::move(inotify);
  return {};
}

Result<void> LogChanges::Interest::start(const std::string& log_path, Callback callback) {
  stop();
  // Of the directory: rotating renames files in it, and writing to a file in it is told of as well. The
  // kernel answers the same number for a directory that is watched already.
  const std::string directory = log_path.substr(0, log_path.rfind('/') + 1) + ".";
  const int number = ::inotify_add_watch(changes_.inotify_.get(), directory.c_str(),
                                         IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
  if (number < 0) return sys_error("watch '{}'", directory);
  directory_ = number;
  callback_ = callback;
  changes_.interests_[number].insert(this);
  return {};
}

void LogChanges::Interest::stop() {
  if (!callback_) return;
  callback_.reset();
  changes_.telling_.erase(this);
  const auto found = changes_.interests_.find(directory_);
  if (found == changes_.interests_.end()) return;  // the directory has gone
  found->second.erase(this);
  if (!found->second.empty()) return;
  changes_.interests_.erase(found);
  (void)::inotify_rm_watch(changes_.inotify_.get(), directory_);  // it may have gone meanwhile
}

void LogChanges::on_ready() {
  alignas(inotify_event) char events[16 << 10];
  const ssize_t size = ::read(inotify_.get(), events, sizeof events);
  std::set<int> changed;
  for (ssize_t at = 0; at < size;) {
    const auto* event = reinterpret_cast<const inotify_event*>(events + at);
    at += static_cast<ssize_t>(sizeof *event + event->len);
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
      // Nobody knows whom it was for.
      for (const auto& [directory, interested] : interests_) changed.insert(directory);
    } else {
      changed.insert(event->wd);
    }
    // The directory was removed, and its number will not be used again.
    if ((event->mask & IN_IGNORED) != 0) interests_.erase(event->wd), changed.erase(event->wd);
  }
  for (const int directory : changed) tell(directory);
}

void LogChanges::tell(int directory) {
  const auto found = interests_.find(directory);
  if (found == interests_.end()) return;
  telling_ = found->second;
  while (!telling_.empty()) {
    Interest* interest = *telling_.begin();
    telling_.erase(telling_.begin());
    const Callback callback = *interest->callback_;
    callback(0);
  }
}

}  // namespace gantry::engine
