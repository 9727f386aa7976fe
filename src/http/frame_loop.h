// SPDX-License-Identifier: Apache-2.0
//
// Where answers over HTTP/1.1 live that outlast their handlers (frame_source.h): one thread for all of them,
// started with the first.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "base/error.h"
#include "base/loop_thread.h"
#include "base/mutex.h"
#include "http/frame_source.h"
#include "http/stream.h"

namespace gantry::http {

class FrameLoop {
 public:
  // How long a peer may take nothing of what waits for it.
  explicit FrameLoop(std::chrono::milliseconds patience);
  FrameLoop(const FrameLoop&) = delete;
  FrameLoop& operator=(const FrameLoop&) = delete;
  ~FrameLoop();  // cuts what is left

  // From any thread. The head was written; the body is in chunks, or ends with the connection.
  Result<void> add(Stream stream, std::shared_ptr<FrameSource> source, bool is_chunked);

 private:
  class Answer;
  struct Wakes;
  struct Thread;

  const std::chrono::milliseconds patience_;
  Mutex mutex_;  // guards what follows
  std::unique_ptr<Thread> thread_ GUARDED_BY(mutex_);
  std::uint64_t next_ GUARDED_BY(mutex_) = 0;
};

}  // namespace gantry::http
