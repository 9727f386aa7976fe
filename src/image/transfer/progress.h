// SPDX-License-Identifier: Apache-2.0
//
// What a pull or push tells while it runs. Events are facts; rates, bars and lines are made by who shows
// them.
#pragma once

#include <cstdint>
#include <string_view>

#include "oci/image/descriptor.h"

namespace gantry::image {

enum class TransferState : std::uint8_t {
  Waiting,      // its turn has not come, or another thread or process brings it in
  Exists,       // there already: no byte is moved
  Mounted,      // the registry has it in another repository and lends it
  Downloading,  // `done` of `total` bytes
  Uploading,
  Unpacking,  // all bytes are here
  Retrying,   // `note` says why and when
  Done,
};

struct TransferEvent {
  const oci::Descriptor& blob;
  TransferState state;
  std::uint64_t done = 0;  // bytes, compressed
  std::uint64_t total = 0;
  std::string_view note;
};

// Called from several threads at once, some dozens of times a second for each blob that moves.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void on_blob(const TransferEvent& event) = 0;
  // One line about the whole: which registry is asked, which mirror failed and why, the final digest.
  virtual void on_note(std::string_view line) = 0;
};

// For who does not look.
class NoProgress final : public ProgressSink {
 public:
  void on_blob(const TransferEvent&) override {}
  void on_note(std::string_view) override {}
};

}  // namespace gantry::image
