// SPDX-License-Identifier: Apache-2.0
//
// The progress of pulls and pushes in docker's words, a message a change.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "docker/message_stream.h"
#include "image/transfer/progress.h"
#include "oci/image/digest.h"

namespace gantry::docker {

enum class Direction : std::uint8_t { Pull, Push };

class TransferProgress final : public image::ProgressSink {
 public:
  TransferProgress(MessageStream& messages, Direction direction)
      : messages_(messages), direction_(direction) {}

  void on_blob(const image::TransferEvent& event) override;
  // Kept back until a layer moves: a pull that fails before tells the same as its error.
  void on_note(std::string_view line) override;

 private:
  struct Layer {
    image::TransferState state = image::TransferState::Waiting;
    std::chrono::steady_clock::time_point shown;
  };

  bool is_worth_showing(const image::TransferEvent& event) REQUIRES(mutex_);

  MessageStream& messages_;
  const Direction direction_;
  Mutex mutex_;  // guards what follows
  std::map<oci::Digest, Layer> layers_ GUARDED_BY(mutex_);
  std::vector<std::string> notes_ GUARDED_BY(mutex_);
};

}  // namespace gantry::docker
