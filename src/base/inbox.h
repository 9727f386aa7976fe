// SPDX-License-Identifier: Apache-2.0
//
// How other threads reach an event loop, which belongs to one thread: they post
// a task, and the loop runs it. In the order of posting, never inside of post().
//
//   Inbox inbox(loop);
//   TRY(inbox.open());
//   pool.run([&] { auto digest = hash(file); inbox.post([this, digest] { done(digest); }); });
#pragma once

#include <functional>
#include <vector>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/mutex.h"
#include "base/unique_fd.h"

namespace gantry {

class Inbox {
 public:
  using Task = std::move_only_function<void()>;

  explicit Inbox(EventLoop& loop) : watch_(loop, Callback::to<&Inbox::on_ready>(*this)) {}

  // On the loop's thread, before anybody posts.
  Result<void> open();
  // From any thread. Tasks that the loop never gets to are destroyed with the inbox.
  void post(Task task);

 private:
  void on_ready();

  UniqueFd event_;
  Watch watch_;
  Mutex mutex_;  // guards what follows
  std::vector<Task> tasks_ GUARDED_BY(mutex_);
};

}  // namespace gantry
