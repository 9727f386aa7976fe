// SPDX-License-Identifier: Apache-2.0
//
// Ctrl-C while something is built.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <thread>

#include "build/cancel.h"

namespace gantry::cli {

// Turns the first SIGINT or SIGTERM into the end of the build; the second ends the process at once. To be
// made before any other thread, so that none takes the signals.
class CancelBySignal {
 public:
  explicit CancelBySignal(build::Cancel& cancel) : cancel_(cancel) {
    ::sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) ::sigaddset(&signals_, signal);
    ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::thread([this] { wait(); });
  }
  CancelBySignal(const CancelBySignal&) = delete;
  CancelBySignal& operator=(const CancelBySignal&) = delete;
  ~CancelBySignal() {
    ::pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
    ::pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  }

 private:
  void wait() {
    bool is_cancelled = false;
    for (int signal = 0; ::sigwait(&signals_, &signal) == 0 && signal != SIGUSR1; is_cancelled = true) {
      if (is_cancelled) ::_exit(128 + signal);
      cancel_.cancel("interrupted");
    }
  }

  build::Cancel& cancel_;
  sigset_t signals_{};
  std::thread thread_;
};

}  // namespace gantry::cli
