// SPDX-License-Identifier: Apache-2.0
//
// Where a context that comes in a request of its own meets the build that waits for it: docker's own client
// sends the tar on its standard input by a second POST /build (build id "upload-request:<id>").
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/mutex.h"

namespace gantry::buildkit {

// Thread-safe.
class Uploads {
 public:
  // Of the request with the tar: waits until a build has used it. Conflict when none came for it in time.
  Result<void> offer(const std::string& id, ByteSource& tar, std::chrono::milliseconds patience);

  // Of the build: the tar, until the loan goes away.
  class Loan {
   public:
    Loan(Uploads& uploads, std::string id, ByteSource& tar)
        : uploads_(uploads), id_(std::move(id)), tar_(tar) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() { uploads_.give_back(id_); }
    ByteSource& tar() { return tar_; }

   private:
    Uploads& uploads_;
    const std::string id_;
    ByteSource& tar_;
  };
  // NotFound when the tar does not come in time.
  Result<std::unique_ptr<Loan>> take(const std::string& id, std::chrono::milliseconds patience);

 private:
  struct Offer {
    ByteSource* tar = nullptr;
    bool is_taken = false;
  };
  void give_back(const std::string& id);

  Mutex mutex_;  // guards what follows
  std::map<std::string, Offer> offers_ GUARDED_BY(mutex_);
  CondVar changed_;
};

}  // namespace gantry::buildkit
