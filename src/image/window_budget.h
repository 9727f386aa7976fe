// SPDX-License-Identifier: Apache-2.0
//
// Bounds the memory that zstd windows take together: how large each is says the layer, so that any number of
// them, and one by itself, could take anything. Layers wait for each other's; one that is larger than the
// budget is in a file (window_file.h).
//
//   WindowBudget budget(25 << 20, "/var/lib/gantry");   // shared by threads
//   WindowBudget::Share share(budget);                  // of one layer
//   oci::decompress(blob, {.windows = &share});
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "image/window_file.h"
#include "oci/archive/compression.h"

namespace gantry::image {

class WindowBudget {
 public:
  // Files are made on the disk of that directory.
  WindowBudget(std::uint64_t bytes, std::string directory)
      : bytes_(bytes), directory_(std::move(directory)) {}
  WindowBudget(const WindowBudget&) = delete;
  WindowBudget& operator=(const WindowBudget&) = delete;

  // Gives back what it has when it goes.
  class Share final : public oci::WindowRoom {
   public:
    explicit Share(WindowBudget& budget) : budget_(budget) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { stop_counting(); }

    // In place of what it has: waits until that fits.
    Result<std::span<std::byte>> take(std::uint64_t bytes) override;
    void has_moved(std::uint64_t bytes) override;
    // From now on it counts no more. For who is about to wait for others, who could be waiting for room.
    // Thread-safe.
    void stop_counting();

   private:
    void wait_for_room(std::uint64_t bytes);

    WindowBudget& budget_;
    std::uint64_t taken_ GUARDED_BY(budget_.mutex_) = 0;  // bytes
    bool counts_ GUARDED_BY(budget_.mutex_) = true;
    // Of who decompresses.
    std::optional<WindowFile> file_;
    std::uint64_t moved_ = 0;  // bytes, since the file's pages were let go of
  };

 private:
  const std::uint64_t bytes_;
  const std::string directory_;
  Mutex mutex_;                                 // guards what follows
  std::uint64_t taken_ GUARDED_BY(mutex_) = 0;  // bytes, by all
  CondVar changed_;
};

}  // namespace gantry::image
