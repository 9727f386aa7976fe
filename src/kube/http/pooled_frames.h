// SPDX-License-Identifier: Apache-2.0
//
// Frames whose taking may block, for a server whose loop must not: they are taken on a pool, one turn ahead
// of the client.
#pragma once

#include <memory>

#include "http/frame_source.h"
#include "kube/http/lanes.h"

namespace gantry::kube {

class PooledFrames final : public http::FrameSource {
 public:
  PooledFrames(std::unique_ptr<http::FrameSource> frames, std::shared_ptr<Lane> lane);
  PooledFrames(const PooledFrames&) = delete;
  PooledFrames& operator=(const PooledFrames&) = delete;
  ~PooledFrames() override;

  State take(std::vector<SharedBytes>& frames, std::size_t bytes) override;
  void set_wake(std::function<void()> wake) override;

 private:
  class Shared;
  const std::shared_ptr<Shared> shared_;  // with whoever takes on the pool
};

}  // namespace gantry::kube
