// SPDX-License-Identifier: Apache-2.0
//
// What a server answers to us, passed on as our own answer while it comes: logs that are followed, watches of
// another API server. It takes no thread, and reads only as fast as the client takes it.
//
//   return response.stream(200, std::make_shared<ResponseFrames>(loop, std::move(answer)));
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "http/client.h"
#include "http/frame_source.h"
#include "http/stream_loop.h"

namespace gantry::http {

class ResponseFrames final : public FrameSource {
 public:
  // The body of `answer`, from where it was read to. The loop outlives it.
  ResponseFrames(StreamLoop& loop, ClientResponse answer);
  ResponseFrames(const ResponseFrames&) = delete;
  ResponseFrames& operator=(const ResponseFrames&) = delete;
  ~ResponseFrames() override;

  // Cut, when the body breaks off.
  State take(std::vector<SharedBytes>& frames, std::size_t bytes) override;
  void set_wake(std::function<void()> wake) override;

 private:
  class Waiter;

  StreamLoop& loop_;
  ClientResponse answer_;
  std::unique_ptr<Waiter> waiter_;  // of the loop's thread
};

}  // namespace gantry::http
