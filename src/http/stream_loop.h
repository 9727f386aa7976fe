// SPDX-License-Identifier: Apache-2.0
//
// Where connections live that were taken over from a server (ResponseWriter::hijack) or a client
// (ClientResponse::take_stream) and go on by themselves: one thread for all of them, so that a session of
// days costs no thread of a pool. What can live here: relay.h, websocket_feed.h, response_frames.h.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/loop_thread.h"

namespace gantry::http {

class StreamLoop {
 public:
  // Made anywhere; opened, used and destroyed on the loop's thread.
  class Resident {
   public:
    explicit Resident(StreamLoop& home) : home_(home) {}
    Resident(const Resident&) = delete;
    Resident& operator=(const Resident&) = delete;
    virtual ~Resident() = default;
    virtual void open() = 0;

   protected:
    EventLoop& loop() { return home_.thread_->loop(); }
    void leave() { home_.residents_.erase(this); }  // and with it this object

   private:
    StreamLoop& home_;
  };

  // At most `most` at once. `name`: of the thread.
  static Result<std::unique_ptr<StreamLoop>> start(const std::string& name, std::size_t most);
  StreamLoop(const StreamLoop&) = delete;
  StreamLoop& operator=(const StreamLoop&) = delete;
  ~StreamLoop();  // what lives here is cut

  // From any thread. ResourceExhausted, if there are too many.
  Result<void> admit(std::unique_ptr<Resident> resident);
  LoopThread& thread() { return *thread_; }

 private:
  StreamLoop(std::unique_ptr<LoopThread> thread, std::size_t most)
      : thread_(std::move(thread)), most_(most) {}

  const std::unique_ptr<LoopThread> thread_;
  const std::size_t most_;
  std::atomic<std::size_t> admitted_ = 0;
  // Of the thread. What goes from here is counted out by its deleter.
  struct Leaving {
    std::atomic<std::size_t>* admitted;
    void operator()(Resident* resident) const {
      delete resident;
      --*admitted;
    }
  };
  std::unordered_map<Resident*, std::unique_ptr<Resident, Leaving>> residents_;
};

}  // namespace gantry::http
