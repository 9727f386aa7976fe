// SPDX-License-Identifier: Apache-2.0
//
// A docker client that waits to be asked: for the files of its context, for secrets, credentials and its ssh
// agent, and where to put a result. It opens the connection (POST /session) and serves gRPC on it; we are the
// client.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "http/http2/connection.h"
#include "http/stream.h"

namespace gantry::buildkit {

// What a client says of itself, in headers X-Docker-Expose-Session-*.
struct SessionInfo {
  std::string id;                    // Uuid
  std::string name;                  // Name
  std::string shared_key;            // SharedKey: the same for builds from the same place; may be empty
  std::vector<std::string> methods;  // Grpc-Method: "/package.Service/Method"
};

class Session {
 public:
  Session(SessionInfo info, std::unique_ptr<http::Http2Connection> connection)
      : info_(std::move(info)), connection_(std::move(connection)) {}

  const SessionInfo& info() const { return info_; }
  http::Http2Connection& connection() { return *connection_; }
  bool offers(std::string_view method) const;
  // Unsupported, with what the client does not offer.
  Result<void> require(std::string_view method) const;

 private:
  const SessionInfo info_;
  const std::unique_ptr<http::Http2Connection> connection_;
};

// Thread-safe. The destructor ends them all.
class Sessions {
 public:
  Sessions() = default;
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;
  ~Sessions();

  // Keeps the session until the client goes away; does not wait for that.
  Result<void> add(http::Stream stream, SessionInfo info);
  // Waits for one that is about to come: clients open it and ask for a build at the same time. NotFound.
  Result<std::shared_ptr<Session>> find(const std::string& id, std::chrono::milliseconds patience);

 private:
  void forget(const std::string& id);

  Mutex mutex_;  // guards what follows
  std::map<std::string, std::shared_ptr<Session>> sessions_ GUARDED_BY(mutex_);
  std::size_t open_ GUARDED_BY(mutex_) = 0;  // connections that are not forgotten yet
  CondVar changed_;
};

}  // namespace gantry::buildkit
