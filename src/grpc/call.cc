// SPDX-License-Identifier: Apache-2.0
#include "grpc/call.h"

#include <array>
#include <cstdint>

#include "grpc/status.h"

namespace gantry::grpc {
namespace {

constexpr std::string_view kContentType = "application/grpc";
constexpr std::size_t kPrefix = 5;  // of a message: a flag, and its length in four bytes, the highest first

std::string framed(std::string_view message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  std::string bytes;
  bytes.reserve(kPrefix + message.size());
  bytes += '\0';
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift);
  bytes += message;
  return bytes;
}

Result<void> write_message(http::Http2Exchange& exchange, std::string_view message) {
  if (message.size() > kMaxMessage)
    return error(Code::ResourceExhausted, "a gRPC message of {} bytes is larger than {}", message.size(),
                 kMaxMessage);
  return exchange.write(framed(message));
}

// As many bytes as there are up to the size of `into`.
Result<std::size_t> read_fully(http::Http2Exchange& exchange, std::span<std::byte> into) {
  std::size_t size = 0;
  while (size < into.size()) {
    const std::size_t read = TRY(exchange.read(into.subspan(size)));
    if (read == 0) break;
    size += read;
  }
  return size;
}

Result<std::optional<std::string>> read_message(http::Http2Exchange& exchange) {
  std::array<std::byte, kPrefix> prefix{};
  const std::size_t got = TRY(read_fully(exchange, prefix));
  if (got == 0) return std::optional<std::string>();
  if (got < kPrefix) return error(Code::DataLoss, "a gRPC message is cut off");
  if (prefix[0] != std::byte(0))
    return error(Code::Unsupported, "compressed gRPC messages are not supported");
  std::size_t size = 0;
  for (std::size_t i = 1; i < kPrefix; ++i) size = size << 8 | std::to_integer<std::size_t>(prefix[i]);
  if (size > kMaxMessage)
    return error(Code::ResourceExhausted, "a gRPC message of {} bytes is larger than {}", size, kMaxMessage);
  std::string message(size, '\0');
  if (TRY(read_fully(exchange, std::as_writable_bytes(std::span(message)))) < size)
    return error(Code::DataLoss, "a gRPC message is cut off");
  return std::optional(std::move(message));
}

HeaderFields answer_head() { return {{":status", "200"}, {"content-type", std::string(kContentType)}}; }

}  // namespace

// ---- The side that asks

Result<ClientCall> ClientCall::begin(http::Http2Connection& connection, std::string_view method,
                                     const HeaderFields& metadata) {
  HeaderFields head = {
      {":method", "POST"},         {":scheme", "http"}, {":path", std::string(method)},
      {":authority", "localhost"}, {"te", "trailers"},  {"content-type", std::string(kContentType)}};
  head.insert(head.end(), metadata.begin(), metadata.end());
  return ClientCall(TRY(connection.request(head)));
}

Result<void> ClientCall::write(std::string_view message) { return write_message(*exchange_, message); }
Result<void> ClientCall::finish_writing() { return exchange_->finish(); }

Result<void> ClientCall::check_head() {
  if (has_head_) return {};
  const HeaderFields head = TRY(exchange_->head());
  has_head_ = true;
  // A call that fails at once has everything in its head.
  if (!http::value_of(head, "grpc-status").empty()) return outcome_of(head);
  if (http::value_of(head, ":status") != "200" ||
      !http::value_of(head, "content-type").starts_with(kContentType))
    return error(Code::DataLoss, "the peer does not answer gRPC but HTTP status {}",
                 http::value_of(head, ":status"));
  return {};
}

Result<std::optional<std::string>> ClientCall::read() {
  TRY(check_head());
  std::optional<std::string> message = TRY(read_message(*exchange_));
  if (message) return message;
  const HeaderFields head = TRY(exchange_->head());
  const bool is_in_head = !http::value_of(head, "grpc-status").empty();  // of a call without messages
  TRY(outcome_of(is_in_head ? head : exchange_->trailers()));
  return message;
}

Result<std::string> call_unary(http::Http2Connection& connection, std::string_view method,
                               std::string_view request, const HeaderFields& metadata,
                               std::optional<http::Stream::Time> deadline) {
  ClientCall call = TRY(ClientCall::begin(connection, method, metadata));
  if (deadline) call.set_deadline(*deadline);
  TRY(call.write(request));
  TRY(call.finish_writing());
  std::optional<std::string> answer = TRY(call.read());
  if (!answer) return error(Code::DataLoss, "'{}' was answered without a message", method);
  TRY(call.read());  // the outcome, which is behind it
  return *std::move(answer);
}

// ---- The side that serves

Result<std::optional<std::string>> ServerCall::read() { return read_message(exchange_); }

Result<std::string> ServerCall::read_one() {
  std::optional<std::string> message = TRY(read());
  if (!message) return error(Code::InvalidArgument, "'{}' was called without a message", method());
  return *std::move(message);
}

Result<void> ServerCall::write(std::string_view message) {
  if (!has_answered_) TRY(exchange_.respond(answer_head()));
  has_answered_ = true;
  return write_message(exchange_, message);
}

Result<void> ServerCall::finish(const Result<void>& outcome) {
  const HeaderFields trailers = to_trailers(outcome);
  if (has_answered_) return exchange_.finish(trailers);
  HeaderFields head = answer_head();
  head.insert(head.end(), trailers.begin(), trailers.end());
  return exchange_.respond(head, true);
}

Result<void> Methods::serve(http::Http2Exchange& exchange) const {
  HeaderFields head = TRY(exchange.head());
  if (!http::value_of(head, "content-type").starts_with(kContentType))
    return exchange.respond({{":status", "415"}}, true);
  ServerCall call(exchange, std::move(head));
  const auto found = methods_.find(call.method());
  if (found == methods_.end())
    return call.finish(error(Code::Unsupported, "unknown method '{}'", call.method()));
  return call.finish(found->second(call));
}

http::Http2Connection::Handler Methods::handler() const {
  return [this](const std::shared_ptr<http::Http2Exchange>& exchange) {
    (void)serve(*exchange);  // fails when the peer has gone, and then there is nobody to tell
  };
}

}  // namespace gantry::grpc
