// SPDX-License-Identifier: Apache-2.0
//
// The context of a build that is on the client's machine: brought over by the session when a step needs it,
// and kept for the next build from the same place.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/byte_stream.h"
#include "base/error.h"
#include "build/context.h"
#include "buildkit/session.h"
#include "grpc/call.h"

namespace gantry::buildkit {

struct SessionFiles {
  std::shared_ptr<Session> session;
  std::string name = "context";                // of the directory, as the client offers it
  std::string dockerfile_name = "dockerfile";  // of the directory that the Dockerfile is in
  std::string dockerfile = "Dockerfile";       // in it; its own .dockerignore is beside it
  // Below it a directory is kept for every place that contexts came from.
  std::string kept;
};
std::unique_ptr<build::Context> session_context(SessionFiles files);

// One file of a directory that the client offers; nothing if it is not there.
Result<std::optional<std::string>> read_client_file(Session& session, const std::string& directory,
                                                    const std::string& path, const std::string& scratch,
                                                    std::size_t limit);

// What the client uploads under http://buildkit-session/<path>: a tar on its standard input. The session
// outlives it.
class UploadSource final : public ByteSource {
 public:
  static Result<std::unique_ptr<UploadSource>> open(Session& session, std::string_view url);
  Result<std::size_t> read(std::span<std::byte> into) override;

 private:
  explicit UploadSource(grpc::ClientCall call) : call_(std::move(call)) {}
  grpc::ClientCall call_;
  std::string chunk_;
  std::size_t offset_ = 0;
};

}  // namespace gantry::buildkit
