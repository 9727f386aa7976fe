// SPDX-License-Identifier: Apache-2.0
#include "base/loop_thread.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/mutex.h"

namespace gantry {
namespace {

constexpr std::size_t kStackSize = 512 << 10;  // bytes of address space; memory only as far as it is used

Result<pthread_t> start_thread(const std::string& name, void* (*main)(void*), void* argument) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  int failed = ::pthread_attr_setstacksize(&attributes, kStackSize);
  // Signals are for the program's main thread: a new thread takes over the mask of the one that starts it.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread{};
  if (failed == 0) failed = ::pthread_create(&thread, &attributes, main, argument);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (failed != 0) return sys_error_of(failed, "{}: start a thread", name).with_code(Code::ResourceExhausted);
  ::pthread_setname_np(thread, name.substr(0, 15).c_str());
  return thread;
}

}  // namespace

Result<std::unique_ptr<LoopThread>> LoopThread::start(const std::string& name) {
  EventLoop loop = TRY(EventLoop::make());
  std::unique_ptr<LoopThread> made(new LoopThread(std::move(loop)));
  TRY(made->inbox_.open());
  made->thread_ = TRY(start_thread(name, &LoopThread::thread_main, made.get()));
  made->is_started_ = true;
  return made;
}

LoopThread::~LoopThread() {
  if (!is_started_) return;
  post([this] { is_stopping_ = true; });
  ::pthread_join(thread_, nullptr);
}

void* LoopThread::thread_main(void* self) {
  auto& thread = *static_cast<LoopThread*>(self);
  while (!thread.is_stopping_) {
    if (const auto waited = thread.loop_.run_once(); !waited) {
      // Only a descriptor that is not ours any more makes epoll_wait(2) fail.
      std::fprintf(stderr, "event loop: %s\n", waited.error().message().c_str());
      std::abort();
    }
  }
  return nullptr;
}

void LoopThread::run_and_wait(Inbox::Task task) {
  if (is_current()) return task();
  struct {
    Mutex mutex;
    CondVar changed;
    bool is_done GUARDED_BY(mutex) = false;
  } state;
  post([&] {
    task();
    MutexLock lock(state.mutex);
    state.is_done = true;
    state.changed.notify_one();  // under the lock: once it is seen as done, this is gone
  });
  MutexLock lock(state.mutex);
  while (!state.is_done) state.changed.wait(state.mutex);
}

}  // namespace gantry
