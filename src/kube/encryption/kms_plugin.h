// SPDX-License-Identifier: Apache-2.0
//
// The way to a key management plugin: gRPC over its unix socket (k8s.io/kms, API v2). Connects when somebody
// asks, and anew after the plugin was gone. For any thread; every call ends within the patience.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/mutex.h"
#include "http/http2/connection.h"
#include "kube/encryption/kms_messages.h"

namespace gantry::kube {

class KmsPlugin {
 public:
  KmsPlugin(std::string socket, std::chrono::milliseconds patience)
      : socket_(std::move(socket)), patience_(patience) {}

  // Unavailable and TimedOut: nobody is there, or does not answer. Otherwise as the plugin says it.
  Result<KmsStatus> status();
  Result<KmsSecret> encrypt(std::string_view secret);
  Result<std::string> decrypt(const KmsSecret& secret);

 private:
  using Time = std::chrono::steady_clock::time_point;
  Result<std::string> ask(std::string_view method, std::string_view request);
  Result<std::shared_ptr<http::Http2Connection>> connection(Time deadline);
  void leave(const std::shared_ptr<http::Http2Connection>& connection);

  const std::string socket_;
  const std::chrono::milliseconds patience_;
  Mutex mutex_;  // guards what follows; held while connecting, for which everybody has to wait anyway
  std::shared_ptr<http::Http2Connection> connection_ GUARDED_BY(mutex_);  // null: there is none yet
};

}  // namespace gantry::kube
