// SPDX-License-Identifier: Apache-2.0
//
// Uploads under way. One has an id, belongs to a repository, and is written by one request at a time. Between
// requests it stays open, with what was hashed so far; what has bytes is also saved in the store, so that it
// can be continued after kill -9. Uploads nobody continues are closed, and later the store removes them.
//
//   std::string id = TRY(sessions.begin("team/web"));
//   UploadSessions::Turn turn = TRY(sessions.take("team/web", id));   // NotFound; Conflict: another request
//   has it TRY(copy(body, *TRY(turn.ingest(algorithm)))); TRY(std::move(turn).keep());           // or
//   finish(), or cancel(); before the client gets its answer
//
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/mutex.h"
#include "image/content_store.h"

namespace gantry::registry {

class UploadSessions {
 public:
  using Clock = std::chrono::steady_clock;

  explicit UploadSessions(const image::ContentStore& content) : content_(content) {}

  // The right of one request to an upload. Its destructor keeps what there is, as well as it can.
  class Turn {
   public:
    Turn(Turn&& other) noexcept;
    Turn& operator=(Turn&&) = delete;
    ~Turn();

    std::uint64_t size() const { return ingest_ ? ingest_->size() : 0; }
    oci::DigestAlgorithm algorithm() const { return algorithm_; }
    // Opened when it is first asked for; hashes with `algorithm`, from the beginning again if need be.
    Result<image::Ingest*> ingest(oci::DigestAlgorithm algorithm);
    // The upload is free for the next request, and its bytes are there also for that of a later process.
    Result<void> keep() &&;
    // The upload is over; its bytes, to commit or to drop.
    image::Ingest finish() &&;
    // Over and gone.
    void cancel() &&;

   private:
    friend class UploadSessions;
    Turn(UploadSessions& sessions, std::string key, std::optional<image::Ingest> ingest,
         oci::DigestAlgorithm algorithm)
        : sessions_(&sessions), key_(std::move(key)), ingest_(std::move(ingest)), algorithm_(algorithm) {}

    Result<void> save();

    UploadSessions* sessions_;  // null: moved from, or over
    std::string key_;
    std::optional<image::Ingest> ingest_;
    oci::DigestAlgorithm algorithm_;
  };

  // A new id; nothing is written yet. ResourceExhausted when kMost are open.
  static constexpr std::size_t kMost = 10'000;
  Result<std::string> begin(std::string_view repository);
  Result<Turn> take(std::string_view repository, std::string_view id);
  // Closes the files of what was not touched for a while: its bytes stay saved until the store removes them.
  // Forgets what has none and was not touched since `before`.
  void close_idle(Clock::time_point before);
  std::size_t size() const;

 private:
  struct Session {
    bool is_taken = false;
    std::optional<image::Ingest> ingest;
    oci::DigestAlgorithm algorithm = oci::DigestAlgorithm::Sha256;
    Clock::time_point touched;
  };
  void give_back(const std::string& key, std::optional<image::Ingest> ingest, oci::DigestAlgorithm algorithm);
  void forget(const std::string& key);

  const image::ContentStore& content_;
  mutable Mutex mutex_;  // guards what follows
  std::map<std::string, Session, std::less<>> sessions_ GUARDED_BY(mutex_);
};

}  // namespace gantry::registry
