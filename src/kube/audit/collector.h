// SPDX-License-Identifier: Apache-2.0
//
// --audit-webhook-config-file: sends events to a server in batches, from a thread of its own, so that no
// request waits for it. What does not fit in the buffer is dropped and counted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop_thread.h"
#include "http/client.h"
#include "kube/audit/sink.h"

namespace gantry::kube {

struct AuditCollectorOptions {
  http::Url url;
  http::TlsClientOptions tls;
  http::HeaderMap headers;      // "Authorization", if the server wants it
  std::size_t max_batch = 400;  // events
  std::size_t max_buffer = 10'000;
  std::chrono::milliseconds max_wait = std::chrono::seconds(30);  // before a batch is sent that is not full
  std::chrono::milliseconds retry_after = std::chrono::seconds(10);      // first; twice as long each time
  int attempts = 4;                                                      // then a batch is dropped
  std::function<void(const Error& why, std::size_t events)> on_dropped;  // on that thread; may be empty
};

class AuditCollector final : public AuditSink {
 public:
  static Result<std::unique_ptr<AuditCollector>> start(AuditCollectorOptions options);
  // Sends what it has, once, for at most some seconds.
  ~AuditCollector() override;

  // ResourceExhausted when the buffer is full.
  Result<void> write(const std::string& event) override;
  std::uint64_t dropped() const { return dropped_; }

 private:
  class Sender;
  AuditCollector(AuditCollectorOptions options, std::unique_ptr<LoopThread> thread);

  const AuditCollectorOptions options_;
  std::atomic<std::size_t> waiting_ = 0;  // events
  std::atomic<std::uint64_t> dropped_ = 0;
  const std::unique_ptr<LoopThread> thread_;
  std::unique_ptr<Sender> sender_;  // of that thread
};

}  // namespace gantry::kube
