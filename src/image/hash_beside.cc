// SPDX-License-Identifier: Apache-2.0
#include "image/hash_beside.h"

#include <algorithm>
#include <deque>
#include <thread>

#include "base/thread_pool.h"

namespace gantry::image {

// What waits to be hashed, of all streams of this process.
class HashBeside::Queue {
 public:
  static Queue& of_process() {
    static auto& queue = *new Queue;  // never destroyed: threads may be at it while the process ends
    return queue;
  }

  void add(HashBeside& piece) {
    {
      const MutexLock lock(mutex_);
      waiting_.push_back(&piece);
    }
    (void)pool_.run([this] { hash_first(); });  // no thread to be had: the owner does it
  }

  void finish(HashBeside& piece) {
    MutexLock lock(mutex_);
    if (piece.stage_ == Stage::Waiting) {
      take(piece);
      hash(piece);
    }
    while (piece.stage_ != Stage::Done) piece.done_.wait(mutex_);
  }

 private:
  void hash_first() {
    const MutexLock lock(mutex_);
    if (waiting_.empty()) return;  // its owner was faster
    HashBeside& piece = *waiting_.front();
    take(piece);
    hash(piece);
  }

  void take(HashBeside& piece) REQUIRES(mutex_) {
    waiting_.erase(std::ranges::find(waiting_, &piece));
    piece.stage_ = Stage::Running;
  }

  // One that gains by being hashed together with another.
  HashBeside* take_companion() REQUIRES(mutex_) {
    const auto found = std::ranges::find_if(
        waiting_, [](const HashBeside* piece) { return piece->hasher_.is_faster_beside_another(); });
    if (found == waiting_.end()) return nullptr;
    HashBeside& piece = **found;
    take(piece);
    return &piece;
  }

  // Hashes one that was taken, without the lock.
  void hash(HashBeside& piece) REQUIRES(mutex_) {
    HashBeside* companion = piece.hasher_.is_faster_beside_another() ? take_companion() : nullptr;
    mutex_.unlock();
    if (companion != nullptr)
      update_both(piece.hasher_, piece.bytes_, companion->hasher_, companion->bytes_);
    else
      piece.hasher_.update(piece.bytes_);
    mutex_.lock();
    for (HashBeside* hashed : {&piece, companion}) {
      if (hashed == nullptr) continue;
      hashed->stage_ = Stage::Done;
      hashed->done_.notify_one();  // under the lock: afterwards it may be gone
    }
  }

  // More threads than there are processors would gain nothing, and the one that does the rest is one.
  ThreadPool pool_{{.name = "hash", .max_threads = std::max(1U, std::thread::hardware_concurrency() - 1)}};
  Mutex mutex_;  // guards what follows
  std::deque<HashBeside*> waiting_ GUARDED_BY(mutex_);
};

HashBeside::HashBeside(oci::StreamHasher& hasher, std::span<const std::byte> bytes)
    : hasher_(hasher), bytes_(bytes) {
  Queue::of_process().add(*this);
}

HashBeside::~HashBeside() { Queue::of_process().finish(*this); }

}  // namespace gantry::image
