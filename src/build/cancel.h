// SPDX-License-Identifier: Apache-2.0
//
// Ends one build early: by its client, or because one of its steps has failed. Reaches transfers, containers
// (by a descriptor) and everything that looks now and then.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/unique_fd.h"
#include "image/transfer/cancellation.h"

namespace gantry::build {

// Thread-safe. Of one build alone: a step that fails cancels the others by it.
class Cancel {
 public:
  Cancel() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  // The first reason is kept.
  void cancel(std::string why) {
    transfers_.cancel(std::move(why));
    const std::uint64_t one = 1;
    (void)!::write(event_.get(), &one, sizeof one);  // can only fail when it was readable before
  }
  // Conflict once it was cancelled.
  Result<void> check() const { return transfers_.check(); }
  // Readable once it was cancelled; nobody reads it.
  int fd() const { return event_.get(); }
  image::Cancellation& transfers() { return transfers_; }

 private:
  UniqueFd event_;
  image::Cancellation transfers_;
};

}  // namespace gantry::build
