// SPDX-License-Identifier: Apache-2.0
//
// Brings a client's files into a directory: it tells all entries, in order, and sends the contents of those
// that are asked for. What is there already, with the size, times and mode that the client tells, is not
// asked for; what the client does not tell is removed. So a second build from the same place costs what has
// changed.
//
//   grpc::ClientCall call = TRY(begin_sync(session, {.name = "context", .excludes = ignored}));
//   TRY(receive_files(call, directory));
//
// The client is not trusted: a path that leaves the directory, or goes through a link, is an error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "buildkit/session.h"
#include "grpc/call.h"

namespace gantry::buildkit {

struct SyncRequest {
  std::string name;                   // of what the client offers: "context", "dockerfile"
  std::vector<std::string> includes;  // patterns of .dockerignore's language; empty: everything
  std::vector<std::string> excludes;
  std::vector<std::string> follow_paths;  // only these, and what links among them point at; empty: everything
};
Result<grpc::ClientCall> begin_sync(Session& session, const SyncRequest& request);

struct SyncCounts {
  std::uint64_t entries = 0;
  std::uint64_t received = 0;  // files
  std::uint64_t bytes = 0;
};
// `directory` is of nobody else while this runs. After an error it holds some mixture, which the next call
// mends.
Result<SyncCounts> receive_files(grpc::ClientCall& call, int directory);

}  // namespace gantry::buildkit
