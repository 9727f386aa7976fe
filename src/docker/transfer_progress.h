// SPDX-License-Identifier: Apache-2.0
//
// The progress of pulls and pushes in docker's words, a message a change.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "docker/message_stream.h"
#include "image/transfer/progress.h"
#include "oci/image/digest.h"

namespace gantry::docker {

enum class Direction : std::uint8_t { Pull, Push };

class TransferProgress final : public image::ProgressSink {
 public:
  // What comes before all else, as MessageStream::status() has it; no text: nothing does.
  struct Headline {
    std::string text, id;
  };

  TransferProgress(MessageStream& messages, Direction direction, Headline headline = {})
      : messages_(messages), direction_(direction), headline_(std::move(headline)) {}

  // Says the headline, unless a layer has moved already. Until then nothing is told, so that a transfer that
  // fails at once is answered with a status.
  void begin();

  void on_blob(const image::TransferEvent& event) override;
  void on_note(std::string_view line) override;

 private:
  struct Layer {
    image::TransferState state = image::TransferState::Waiting;
    std::chrono::steady_clock::time_point shown;
  };

  bool is_worth_showing(const image::TransferEvent& event);

  MessageStream& messages_;
  const Direction direction_;
  const Headline headline_;
  Mutex mutex_;  // guards what follows
  bool has_begun_ GUARDED_BY(mutex_) = false;
  std::vector<std::string> notes_ GUARDED_BY(mutex_);  // from before the beginning
  std::map<oci::Digest, Layer> layers_ GUARDED_BY(mutex_);
};

}  // namespace gantry::docker
