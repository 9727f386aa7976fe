// SPDX-License-Identifier: Apache-2.0
//
// A gRPC call over an HTTP/2 exchange: messages both ways, in order, and an outcome. Messages are bytes here;
// who calls knows what they are made of.
//
//   // The side that asks:
//   auto call = TRY(ClientCall::begin(connection, "/moby.buildkit.secrets.v1.Secrets/GetSecret"));
//   TRY(call.write(request));
//   TRY(call.finish_writing());
//   while (auto message = TRY(call.read())) use(*message);   // nullopt: the end, and it went well
//
//   // The side that serves:
//   Methods methods;
//   methods.add("/grpc.health.v1.Health/Check", [](ServerCall& call) -> Result<void> {
//     TRY(call.read());
//     return call.write(serving);
//   });
//   auto server = TRY(http::Http2Connection::serve(std::move(stream), methods.handler()));
//
// Compressed messages are refused: nobody has to send any to a peer that does not offer it. Errors of a peer
// come with the code that its status means; Unavailable and Conflict as in http/http2/connection.h.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/http2/connection.h"

namespace gantry::grpc {

// Bytes of one message; what most implementations take.
inline constexpr std::size_t kMaxMessage = 16 << 20;

using http::HeaderFields;

class ClientCall {
 public:
  // `metadata`: further fields of the head, names in lower case.
  static Result<ClientCall> begin(http::Http2Connection& connection, std::string_view method,
                                  const HeaderFields& metadata = {});

  Result<void> write(std::string_view message);
  Result<void> finish_writing();
  // Nullopt after the last one, when the peer says that the call went well.
  Result<std::optional<std::string>> read();
  // From any thread.
  void cancel() { exchange_->cancel(); }
  // Nothing waits longer: TimedOut.
  void set_deadline(http::Stream::Time deadline) { exchange_->set_deadline(deadline); }

 private:
  explicit ClientCall(std::shared_ptr<http::Http2Exchange> exchange) : exchange_(std::move(exchange)) {}
  Result<void> check_head();
  std::shared_ptr<http::Http2Exchange> exchange_;
  bool has_head_ = false;
};

// One message there, one back.
Result<std::string> call_unary(http::Http2Connection& connection, std::string_view method,
                               std::string_view request, const HeaderFields& metadata = {},
                               std::optional<http::Stream::Time> deadline = {});

class ServerCall {
 public:
  const HeaderFields& metadata() const { return head_; }
  std::string_view method() const { return http::value_of(head_, ":path"); }

  // Nullopt after the client's last message.
  Result<std::optional<std::string>> read();
  // The one message of a call that has one. InvalidArgument when there is none.
  Result<std::string> read_one();
  Result<void> write(std::string_view message);
  // The client gave up or is gone: see http::Http2Exchange.
  bool is_over() const { return exchange_.is_over(); }
  void on_over(std::function<void()> callback) { exchange_.on_over(std::move(callback)); }

 private:
  friend class Methods;
  ServerCall(http::Http2Exchange& exchange, HeaderFields head)
      : exchange_(exchange), head_(std::move(head)) {}
  Result<void> finish(const Result<void>& outcome);

  http::Http2Exchange& exchange_;
  const HeaderFields head_;
  bool has_answered_ = false;
};

// What a server can do. Not changed any more once it serves.
class Methods {
 public:
  // Runs on a thread of its own; what it answers ends the call.
  using Method = std::function<Result<void>(ServerCall&)>;

  // `name`: "/package.Service/Method".
  void add(std::string name, Method method) { methods_.insert_or_assign(std::move(name), std::move(method)); }
  // For Http2Connection::serve; this outlives the connection.
  http::Http2Connection::Handler handler() const;

 private:
  Result<void> serve(http::Http2Exchange& exchange) const;
  std::map<std::string, Method, std::less<>> methods_;
};

}  // namespace gantry::grpc
