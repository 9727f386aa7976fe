// SPDX-License-Identifier: Apache-2.0
//
// Puts a result where the client wants it: a tree of files into a directory of its, or bytes into a file.
#pragma once

#include <memory>
#include <string>

#include "base/byte_stream.h"
#include "base/error.h"
#include "buildkit/session.h"
#include "grpc/call.h"

namespace gantry::buildkit {

// All that is in `directory`; `-o type=local`.
Result<void> send_files(Session& session, int directory, const std::string& exporter_id);

// One file; `-o type=tar`, `oci` and `docker`. Complete when finish() has succeeded.
class FileSink final : public ByteSink {
 public:
  static Result<FileSink> open(Session& session, const std::string& exporter_id);
  Result<void> write(std::span<const std::byte> from) override;
  Result<void> finish();

 private:
  explicit FileSink(grpc::ClientCall call) : call_(std::move(call)) {}
  Result<void> flush();
  grpc::ClientCall call_;
  std::string buffer_;
};

}  // namespace gantry::buildkit
