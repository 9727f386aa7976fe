// SPDX-License-Identifier: Apache-2.0
//
// Hashing of a piece beside what its owner does with it (as Beside has it): by a thread of the process's pool
// for that, or by the destructor when none has begun. Whoever hashes takes a second stream that waits with
// it, where two cost less than one after the other.
//
//   {
//     const HashBeside hashing(hasher, piece);
//     TRY(write_all(file, piece));
//   }                                    // hashed, however writing went
//
// Worth it from some 100 KiB on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/mutex.h"
#include "oci/image/stream_hasher.h"

namespace gantry::image {

class HashBeside {
 public:
  // Nobody else touches the hasher or the bytes while this lives.
  HashBeside(oci::StreamHasher& hasher, std::span<const std::byte> bytes);
  HashBeside(const HashBeside&) = delete;
  HashBeside& operator=(const HashBeside&) = delete;
  ~HashBeside();

 private:
  class Queue;
  enum class Stage : std::uint8_t { Waiting, Running, Done };

  oci::StreamHasher& hasher_;
  const std::span<const std::byte> bytes_;
  Stage stage_ = Stage::Waiting;  // guarded by the queue's lock
  CondVar done_;
};

}  // namespace gantry::image
