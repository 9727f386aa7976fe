// SPDX-License-Identifier: Apache-2.0
#include "docker/transfer_progress.h"

#include <utility>

#include "oci/image/media_type.h"

namespace gantry::docker {

using image::TransferEvent;
using image::TransferState;

// A person sees no more, and a slow client is not to slow the transfer.
static constexpr std::chrono::milliseconds kBetweenMessages{100};

static std::string_view word_of(Direction direction, TransferState state) {
  const bool is_pull = direction == Direction::Pull;
  switch (state) {
    case TransferState::Waiting: return is_pull ? "Pulling fs layer" : "Preparing";
    case TransferState::Exists: return is_pull ? "Already exists" : "Layer already exists";
    case TransferState::Mounted: return "Mounted from another repository";
    case TransferState::Downloading: return "Downloading";
    case TransferState::Uploading: return "Pushing";
    case TransferState::Unpacking: return "Extracting";
    case TransferState::Retrying: return "Retrying";
    case TransferState::Done: return is_pull ? "Pull complete" : "Pushed";
  }
  return "";
}

void TransferProgress::begin() {
  MutexLock lock(mutex_);
  if (has_begun_) return;
  has_begun_ = true;
  if (!headline_.text.empty()) messages_.status(headline_.text, headline_.id);
  for (const std::string& note : std::exchange(notes_, {})) messages_.status(note);
}

bool TransferProgress::is_worth_showing(const TransferEvent& event) {
  const auto now = std::chrono::steady_clock::now();
  MutexLock lock(mutex_);
  const auto [layer, is_new] = layers_.try_emplace(event.blob.digest, Layer{event.state, now});
  const bool is_change = is_new || layer->second.state != event.state;
  if (!is_change && now - layer->second.shown < kBetweenMessages) return false;
  layer->second = {event.state, now};
  return true;
}

// Docker's daemons show layers alone.
static bool is_config(const oci::Descriptor& blob) {
  return blob.media_type == oci::media_type::kOciConfig || blob.media_type == oci::media_type::kDockerConfig;
}

void TransferProgress::on_blob(const TransferEvent& event) {
  begin();
  if (is_config(event.blob)) return;
  if (!is_worth_showing(event)) return;
  const std::string id = event.blob.digest.hex().substr(0, 12);
  const std::string_view word = word_of(direction_, event.state);
  switch (event.state) {
    case TransferState::Downloading:
    case TransferState::Uploading: return messages_.progress(word, id, event.done, event.total);
    case TransferState::Unpacking: messages_.status("Download complete", id); break;
    case TransferState::Retrying: return messages_.status(fmt::format("{}: {}", word, event.note), id);
    default: break;
  }
  messages_.status(word, id);
}

void TransferProgress::on_note(std::string_view line) {
  MutexLock lock(mutex_);
  if (has_begun_)
    messages_.status(line);
  else
    notes_.emplace_back(line);
}

}  // namespace gantry::docker
