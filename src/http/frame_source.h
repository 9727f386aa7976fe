// SPDX-License-Identifier: Apache-2.0
//
// A body that goes on when its handler has returned, as long as there is something new: a watch, a log that
// is followed. The server takes frames when the peer takes bytes, so nobody who writes waits for anybody who
// reads, and what a slow reader has not taken yet is where it was anyhow.
//
//   class Changes final : public http::FrameSource { ... };
//   return response.stream(200, std::make_shared<Changes>(...));
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/shared_bytes.h"

namespace gantry::http {

class FrameSource {
 public:
  enum class State : std::uint8_t {
    Open,  // when nothing was added: wake() is called once there is more
    End,   // the body is complete with what was added
    Cut,   // the peer is to notice that it is not
  };

  // When the peer is gone, too: the server lets go of its last reference, on a thread of its own.
  virtual ~FrameSource() = default;

  // Adds what is ready and not taken yet, about `bytes` of it. One thread at a time; quick.
  virtual State take(std::vector<SharedBytes>& frames, std::size_t bytes) = 0;

  // Before the first take(). `wake` is for any thread and quick; once for every take() that added nothing is
  // enough, more does no harm. It must not be called any more when this object has gone.
  virtual void set_wake(std::function<void()> wake) = 0;
};

}  // namespace gantry::http
