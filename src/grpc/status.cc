// SPDX-License-Identifier: Apache-2.0
#include "grpc/status.h"

#include <charconv>
#include <utility>

namespace gantry::grpc {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEF";

}  // namespace

StatusCode status_of(Code code) {
  switch (code) {
    case Code::InvalidArgument: return StatusCode::InvalidArgument;
    case Code::NotFound: return StatusCode::NotFound;
    case Code::AlreadyExists: return StatusCode::AlreadyExists;
    case Code::Conflict: return StatusCode::FailedPrecondition;
    case Code::PermissionDenied: return StatusCode::PermissionDenied;
    case Code::Unsupported: return StatusCode::Unimplemented;
    case Code::Unavailable: return StatusCode::Unavailable;
    case Code::ResourceExhausted: return StatusCode::ResourceExhausted;
    case Code::TimedOut: return StatusCode::DeadlineExceeded;
    case Code::DataLoss: return StatusCode::DataLoss;
    case Code::Internal: break;
  }
  return StatusCode::Internal;
}

Code code_of(StatusCode status) {
  switch (status) {
    case StatusCode::InvalidArgument:
    case StatusCode::OutOfRange: return Code::InvalidArgument;
    case StatusCode::NotFound: return Code::NotFound;
    case StatusCode::AlreadyExists: return Code::AlreadyExists;
    case StatusCode::Cancelled:
    case StatusCode::Aborted:
    case StatusCode::FailedPrecondition: return Code::Conflict;
    case StatusCode::Unauthenticated:
    case StatusCode::PermissionDenied: return Code::PermissionDenied;
    case StatusCode::Unimplemented: return Code::Unsupported;
    case StatusCode::Unavailable: return Code::Unavailable;
    case StatusCode::ResourceExhausted: return Code::ResourceExhausted;
    case StatusCode::DeadlineExceeded: return Code::TimedOut;
    case StatusCode::DataLoss: return Code::DataLoss;
    case StatusCode::Ok:
    case StatusCode::Unknown:
    case StatusCode::Internal: break;
  }
  return Code::Internal;
}

http::HeaderFields to_trailers(const Result<void>& outcome) {
  if (outcome) return {{"grpc-status", "0"}};
  return {{"grpc-status", std::to_string(std::to_underlying(status_of(outcome.error().code())))},
          {"grpc-message", percent_encode(outcome.error().message())}};
}

Result<void> outcome_of(const http::HeaderFields& trailers) {
  const std::string_view text = http::value_of(trailers, "grpc-status");
  unsigned number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size())
    return error(Code::DataLoss, "the peer ended a gRPC call without a status");
  if (number == 0) return {};
  const auto status = number > std::to_underlying(StatusCode::Unauthenticated)
                          ? StatusCode::Unknown
                          : static_cast<StatusCode>(number);
  const std::string message = percent_decode(http::value_of(trailers, "grpc-message"));
  return error(code_of(status), "{}", message.empty() ? "gRPC status " + std::string(text) : message);
}

std::string percent_encode(std::string_view message) {
  std::string text;
  text.reserve(message.size());
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && c != '%')
      text += c;
    else
      text.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return text;
}

std::string percent_decode(std::string_view text) {
  std::string message;
  message.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      message += static_cast<char>(byte);
      i += 2;
    } else {
      message += text[i];
    }
  }
  return message;
}

}  // namespace gantry::grpc
