// SPDX-License-Identifier: Apache-2.0
#include "kube/http/pooled_frames.h"

#include <gtest/gtest.h>

#include "base/mutex.h"

namespace gantry::kube {
namespace {

using State = http::FrameSource::State;

// Gives what it is told, and takes its time where it is told so.
class Script final : public http::FrameSource {
 public:
  struct Turn {
    std::vector<std::string> frames;
    State state = State::Open;
  };
  explicit Script(std::vector<Turn> turns) : turns_(std::move(turns)) {}

  State take(std::vector<SharedBytes>& frames, std::size_t /*bytes*/) override {
    if (next_ == turns_.size()) return State::Open;
    const Turn& turn = turns_[next_++];
    for (const std::string& frame : turn.frames) frames.emplace_back(frame);
    return turn.state;
  }
  void set_wake(std::function<void()> wake) override { wake_ = std::move(wake); }
  void wake() { wake_(); }

 private:
  const std::vector<Turn> turns_;
  std::size_t next_ = 0;
  std::function<void()> wake_;
};

class Frames : public ::testing::Test {
 protected:
  void begin(std::vector<Script::Turn> turns) {
    auto script = std::make_unique<Script>(std::move(turns));
    script_ = script.get();
    frames_ = std::make_unique<PooledFrames>(std::move(script), lanes_.of("test"));
    frames_->set_wake([this] {
      const MutexLock lock(mutex_);
      ++woken_;
      changed_.notify_all();
    });
  }
  void wait_for_wake(int count) {
    const MutexLock lock(mutex_);
    while (woken_ < count) changed_.wait(mutex_);
  }
  std::string take() {
    std::vector<SharedBytes> frames;
    state_ = frames_->take(frames, 100);
    std::string text;
    for (const SharedBytes& frame : frames) text += frame.view();
    return text;
  }

  Lanes lanes_{{.name = "test", .max_threads = 1}, 1};
  Mutex mutex_;
  CondVar changed_;
  int woken_ = 0;
  State state_ = State::Open;
  Script* script_ = nullptr;
  std::unique_ptr<PooledFrames> frames_;
};

TEST_F(Frames, AreTakenElsewhereAndGivenInTheirOrder) {
  begin({{{"a", "b"}}, {{"c"}, State::End}});
  EXPECT_EQ(take(), "");
  wait_for_wake(1);
  EXPECT_EQ(take(), "ab");
  EXPECT_EQ(state_, State::Open);
  wait_for_wake(2);
  EXPECT_EQ(take(), "c");
  EXPECT_EQ(state_, State::End);
}

TEST_F(Frames, NewsAreFetched) {
  begin({{}, {{"late"}}});
  EXPECT_EQ(take(), "");
  script_->wake();
  wait_for_wake(1);
  EXPECT_EQ(take(), "late");
}

}  // namespace
}  // namespace gantry::kube
