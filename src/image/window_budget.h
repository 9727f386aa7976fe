// SPDX-License-Identifier: Apache-2.0
//
// Bounds the memory that zstd windows take together: how large each is says the layer, so several at once
// could take anything. Layers wait for each other's; one that is larger than the budget comes alone.
//
//   WindowBudget budget(24 << 20);                 // shared by threads
//   WindowBudget::Share share(budget);             // of one layer
//   oci::decompress(blob, {.windows = &share});
#pragma once

#include <cstdint>

#include "base/mutex.h"
#include "oci/archive/compression.h"

namespace gantry::image {

class WindowBudget {
 public:
  explicit WindowBudget(std::uint64_t bytes) : bytes_(bytes) {}
  WindowBudget(const WindowBudget&) = delete;
  WindowBudget& operator=(const WindowBudget&) = delete;

  // Thread-safe. Gives back what it has when it goes.
  class Share final : public oci::WindowRoom {
   public:
    explicit Share(WindowBudget& budget) : budget_(budget) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { stop_counting(); }

    // In place of what it has: waits until that fits, or nobody else has any.
    void take(std::uint64_t bytes) override;
    // From now on it counts no more. For who is about to wait for others, who could be waiting for room.
    void stop_counting();

   private:
    WindowBudget& budget_;
    std::uint64_t taken_ GUARDED_BY(budget_.mutex_) = 0;  // bytes
    bool counts_ GUARDED_BY(budget_.mutex_) = true;
  };

 private:
  const std::uint64_t bytes_;
  Mutex mutex_;                                 // guards what follows
  std::uint64_t taken_ GUARDED_BY(mutex_) = 0;  // bytes, by all
  CondVar changed_;
};

}  // namespace gantry::image
