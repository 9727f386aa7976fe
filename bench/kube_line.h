// SPDX-License-Identifier: Apache-2.0
//
// A connection to a Kubernetes API server with one request on it at a time: HTTP/1.1 over TLS, as cheap as it
// gets, since whoever measures a server on the same machine takes the processors from it.
//
//   Line line = MUST(Line::open(server));
//   const std::string body = MUST(line.ask({"GET", "/version"}));
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/parser.h"
#include "http/stream.h"
#include "http/tls.h"

namespace gantry::bench {

struct Server {
  std::uint16_t port = 0;
  int pid = 0;
  std::shared_ptr<const http::TlsContext> http1, http2;

  Result<http::Stream> connect(const http::TlsContext& tls) const;
  // Seconds so far, in the kernel too.
  double processor_time() const;
};

struct Call {
  std::string_view method;
  std::string target;
  std::string body = {};
  std::string_view type = "application/json";
};

// As it goes over the wire.
std::string text_of(const Call& call);

// Answers of another status than 2xx, and those without a length, are errors.
class Line {
 public:
  static Result<Line> open(const Server& server);

  // Sends it and waits for the answer's body.
  Result<std::string> ask(const Call& call);

  // ---- For event loops

  int fd() const { return stream_.fd(); }
  // The answer to the one before has been taken.
  Result<void> send(std::string_view request);
  // The answer's body, until the next send(); nullopt: it is not all there.
  Result<std::optional<std::string_view>> take();

 private:
  explicit Line(http::Stream stream);
  Result<bool> is_whole();

  http::Stream stream_;
  std::vector<std::byte> buffer_;
  std::string in_;  // of this answer
  http::HeadFinder finder_;
  std::size_t head_size_ = 0;  // 0: it is not all there
  std::size_t size_ = 0;       // with the head
  int status_ = 0;
};

}  // namespace gantry::bench
