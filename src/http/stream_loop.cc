// SPDX-License-Identifier: Apache-2.0
#include "http/stream_loop.h"

#include <utility>

namespace gantry::http {

Result<std::unique_ptr<StreamLoop>> StreamLoop::start(const std::string& name, std::size_t most) {
  auto thread = TRY(LoopThread::start(name));
  return std::unique_ptr<StreamLoop>(new StreamLoop(std::move(thread), most));
}

StreamLoop::~StreamLoop() {
  thread_->call([this] { residents_.clear(); });
}

Result<void> StreamLoop::admit(std::unique_ptr<Resident> resident) {
  if (++admitted_ > most_) {
    --admitted_;
    return error(Code::ResourceExhausted, "{} connections are passed on already, the most there may be",
                 most_);
  }
  thread_->post(
      [this, owned = std::unique_ptr<Resident, Leaving>(resident.release(), Leaving{&admitted_})]() mutable {
        Resident* opened = owned.get();
        residents_.emplace(opened, std::move(owned));
        opened->open();
      });
  return {};
}

}  // namespace gantry::http
