// SPDX-License-Identifier: Apache-2.0
#include "base/inbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace gantry {

Result<void> Inbox::open() {
  event_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event_) return sys_error("make event descriptor");
  return watch_.start(event_.get(), EPOLLIN);
}

void Inbox::post(Task task) {
  {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    if (tasks_.size() > 1) return;  // whoever posted the first has woken the loop
  }
  const std::uint64_t one = 1;
  (void)::write(event_.get(), &one, sizeof one);  // cannot fail: the counter is far from full
}

void Inbox::on_ready() {
  std::uint64_t count = 0;
  (void)::read(event_.get(), &count, sizeof count);  // before the tasks are taken, or a wake could be lost
  std::vector<Task> tasks;
  {
    MutexLock lock(mutex_);
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) task();
}

}  // namespace gantry
