// SPDX-License-Identifier: Apache-2.0
#include "registry/uploads.h"

#include <algorithm>

#include "base/random.h"

namespace gantry::registry {

// Repository and id in one, so that an id is of no use elsewhere, and nobody else's key in the store looks
// so.
static std::string key_of(std::string_view repository, std::string_view id) {
  return fmt::format("registry/{}/{}", repository, id);
}

UploadSessions::Turn::Turn(Turn&& other) noexcept
    : sessions_(std::exchange(other.sessions_, nullptr)),
      key_(std::move(other.key_)),
      ingest_(std::move(other.ingest_)),
      algorithm_(other.algorithm_) {}

UploadSessions::Turn::~Turn() {
  if (sessions_ == nullptr) return;
  (void)save();  // when the disk is full the upload is still open in this process
  sessions_->give_back(key_, std::move(ingest_), algorithm_);
}

Result<image::Ingest*> UploadSessions::Turn::ingest(oci::DigestAlgorithm algorithm) {
  if (ingest_ && algorithm != algorithm_) {
    TRY(ingest_->save());
    ingest_.reset();
    ingest_ = TRY(sessions_->content_.resume(key_, algorithm));
  } else if (!ingest_) {
    ingest_ = TRY(sessions_->content_.ingest(key_, algorithm));
  }
  algorithm_ = algorithm;
  return &*ingest_;
}

Result<void> UploadSessions::Turn::save() {
  if (ingest_ && ingest_->size() > 0) TRY(ingest_->save());
  return {};
}

Result<void> UploadSessions::Turn::keep() && {
  Result<void> saved = save();
  std::exchange(sessions_, nullptr)->give_back(key_, std::move(ingest_), algorithm_);
  return saved;
}

image::Ingest UploadSessions::Turn::finish() && {
  sessions_->forget(key_);
  sessions_ = nullptr;
  return std::move(*ingest_);
}

void UploadSessions::Turn::cancel() && {
  if (ingest_) ingest_->discard();
  ingest_.reset();
  sessions_->forget(key_);
  sessions_ = nullptr;
}

// A UUID of version 4 (RFC 9562). Nobody can guess one: it is as good as a password to the upload.
static std::string new_id() {
  std::string id = random_hex(16);
  id[12] = '4';
  id[16] = "89ab"[static_cast<unsigned char>(id[16]) % 4];
  for (const std::size_t at : {20, 16, 12, 8}) id.insert(at, 1, '-');
  return id;
}

Result<std::string> UploadSessions::begin(std::string_view repository) {
  std::string id = new_id();
  const MutexLock lock(mutex_);
  if (sessions_.size() >= kMost) return error(Code::ResourceExhausted, "{} uploads are open already", kMost);
  sessions_[key_of(repository, id)].touched = Clock::now();
  return id;
}

Result<UploadSessions::Turn> UploadSessions::take(std::string_view repository, std::string_view id) {
  std::string key = key_of(repository, id);
  {
    const MutexLock lock(mutex_);
    if (const auto found = sessions_.find(key); found != sessions_.end()) {
      Session& session = found->second;
      if (session.is_taken) return error(Code::Conflict, "upload '{}': another request is writing to it", id);
      session.is_taken = true;
      auto ingest = std::exchange(session.ingest, std::nullopt);
      return Turn(*this, std::move(key), std::move(ingest), session.algorithm);
    }
  }
  // From before a restart, or closed because it was idle. Reading it again may take a while; who comes
  // meanwhile is told Conflict by the store.
  constexpr auto kAlgorithm = oci::DigestAlgorithm::Sha256;
  std::optional<image::Ingest> ingest = TRY(content_.resume(key, kAlgorithm));
  const MutexLock lock(mutex_);
  sessions_[key].is_taken = true;
  return Turn(*this, std::move(key), std::move(ingest), kAlgorithm);
}

void UploadSessions::give_back(const std::string& key, std::optional<image::Ingest> ingest,
                               oci::DigestAlgorithm algorithm) {
  const MutexLock lock(mutex_);
  Session& session = sessions_[key];
  session.is_taken = false;
  session.ingest = std::move(ingest);
  session.algorithm = algorithm;
  session.touched = Clock::now();
}

void UploadSessions::forget(const std::string& key) {
  const MutexLock lock(mutex_);
  sessions_.erase(key);
}

void UploadSessions::close_idle(Clock::time_point before) {
  // Who comes back after this has the bytes read and hashed once more.
  const auto idle = Clock::now() - std::chrono::minutes(5);
  const MutexLock lock(mutex_);
  std::erase_if(sessions_, [&](const auto& entry) {
    const Session& session = entry.second;
    return !session.is_taken && session.touched < (session.ingest ? std::max(before, idle) : before);
  });
}

std::size_t UploadSessions::size() const {
  const MutexLock lock(mutex_);
  return sessions_.size();
}

}  // namespace gantry::registry
