// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/reconciler.h"

#include <chrono>
#include <utility>

namespace gantry::kube {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{500};

}  // namespace

Reconciler::Reconciler(ObjectSource& objects, const std::vector<std::string>& kinds, Step step)
    : step_(std::move(step)) {
  for (const std::string& kind : kinds)
    followers_.push_back(objects.follow(kind, [this](const ObjectChange&) { poke(); }));
  thread_ = std::thread([this] { work(); });
}

Reconciler::~Reconciler() {
  followers_.clear();
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Reconciler::poke() {
  const MutexLock lock(mutex_);
  has_news_ = true;
  changed_.notify_all();
}

void Reconciler::work() {
  for (bool is_to_look_again = false; wait(is_to_look_again);) is_to_look_again = step_();
}

bool Reconciler::wait(bool is_to_look_again) {
  const auto next_look = std::chrono::steady_clock::now() + kBetweenLooks;
  const MutexLock lock(mutex_);
  while (!is_stopping_ && !has_news_) {
    if (!is_to_look_again)
      changed_.wait(mutex_);
    else if (!changed_.wait_until(mutex_, next_look) && std::chrono::steady_clock::now() >= next_look)
      break;
  }
  has_news_ = false;
  return !is_stopping_;
}

}  // namespace gantry::kube
