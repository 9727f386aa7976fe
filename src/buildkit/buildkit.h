// SPDX-License-Identifier: Apache-2.0
//
// What `docker build`, `docker buildx` and `docker compose build` speak when the buildx plugin is there:
// BuildKit's gRPC over connections that POST /grpc and POST /session of the Docker API became. Builds are
// Dockerfiles only (front end "dockerfile.v0"); graphs of operations of a client's own are refused.
//
//   BuildKit buildkit({.builder = &builder, .store = &store, .kept = ..., .run = ...});
//   TRY(buildkit.serve(TRY(response.hijack(101))));                     // POST /grpc
//   TRY(buildkit.attach(TRY(response.hijack(101)), session_info));      // POST /session
//
// Both return at once; connections end with their clients, and their builds with them. Thread-safe. The
// destructor ends everything.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/error.h"
#include "build/builder.h"
#include "buildkit/build_job.h"
#include "buildkit/session.h"
#include "http/stream.h"
#include "image/image_store.h"

namespace gantry::buildkit {

struct BuildKitOptions {
  build::Builder* builder = nullptr;  // outlives this, as the store does
  image::ImageStore* store = nullptr;
  std::string kept;     // directory: contexts of clients are kept below it
  std::string run;      // directory: sockets
  std::string version;  // ours
};

class BuildKit {
 public:
  explicit BuildKit(BuildKitOptions options);
  BuildKit(const BuildKit&) = delete;
  BuildKit& operator=(const BuildKit&) = delete;
  ~BuildKit();

  Result<void> serve(http::Stream stream);
  Result<void> attach(http::Stream stream, SessionInfo info);

  // ---- builds that are asked for by POST /build?version=2, which docker's client without plugins does

  struct DirectBuild {
    SolveOrder order;
    bool has_upload = false;  // the context comes by upload(), with the order's ref
    // Gets StatusResponse messages as they are on the wire, from a thread of the build's own; may be empty.
    std::function<Result<void>(std::string_view)> on_status;
  };
  // Blocks. What the exporters answer.
  Result<StringMap> build(DirectBuild build);
  // Blocks until the build `ref` has taken what it needs of the tar.
  Result<void> upload(const std::string& ref, ByteSource& tar);
  // NotFound.
  Result<void> cancel(const std::string& ref);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace gantry::buildkit
