// SPDX-License-Identifier: Apache-2.0
//
// A watch as the body of an answer: its events in the client's form.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "http/frame_source.h"
#include "kube/http/answer_writer.h"
#include "kube/storage/watch_stream.h"

namespace gantry::kube {

// One event in the client's form. Columns: of tables. An error for an object that has no such form.
Result<std::vector<SharedBytes>> frames_of(const WatchEvent& event, const AnswerForm& form,
                                           bool with_columns = true);

class WatchFrames final : public http::FrameSource {
 public:
  enum class Events : std::uint8_t {
    InABody,     // one behind the other
    AsMessages,  // of a WebSocket: a frame each
  };

  // `keeps`: what the form points into, for as long as the watch lasts.
  WatchFrames(std::unique_ptr<WatchStream> stream, AnswerForm form, Events events,
              std::shared_ptr<const void> keeps)
      : keeps_(std::move(keeps)), form_(std::move(form)), events_(events), stream_(std::move(stream)) {}

  State take(std::vector<SharedBytes>& frames, std::size_t bytes) override;
  void set_wake(std::function<void()> wake) override { stream_->set_wake(std::move(wake)); }

 private:
  bool add(std::vector<SharedBytes>& frames, const WatchEvent& event);

  const std::shared_ptr<const void> keeps_;
  const AnswerForm form_;
  const Events events_;
  const std::unique_ptr<WatchStream> stream_;
  bool has_told_columns_ = false;
};

}  // namespace gantry::kube
