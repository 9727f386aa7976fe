// SPDX-License-Identifier: Apache-2.0
#include "base/beside.h"

#include <cstdint>
#include <utility>

#include "base/mutex.h"

namespace gantry {

struct Beside::State {
  enum class Stage : std::uint8_t { Waiting, Running, Done };

  // Whoever comes first does it. False: the other has begun.
  bool run() {
    {
      const MutexLock lock(mutex);
      if (stage != Stage::Waiting) return false;
      stage = Stage::Running;
    }
    work();
    const MutexLock lock(mutex);
    stage = Stage::Done;
    done.notify_one();
    return true;
  }

  std::move_only_function<void()> work;  // of whoever set the stage to Running
  Mutex mutex;                           // guards what follows
  Stage stage GUARDED_BY(mutex) = Stage::Waiting;
  CondVar done;
};

Beside::Beside(ThreadPool& pool, std::move_only_function<void()> work) : state_(std::make_shared<State>()) {
  state_->work = std::move(work);
  (void)pool.run([state = state_] { state->run(); });  // no thread to be had: the owner does it
}

Beside::~Beside() {
  if (state_->run()) return;
  MutexLock lock(state_->mutex);
  while (state_->stage != State::Stage::Done) state_->done.wait(state_->mutex);
}

}  // namespace gantry
