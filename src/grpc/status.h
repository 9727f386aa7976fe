// SPDX-License-Identifier: Apache-2.0
//
// How a gRPC call ends: a number that both sides know, and a sentence.
//
// https://grpc.github.io/grpc/core/md_doc_statuscodes.html, and for the fields on the wire
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/http2/connection.h"

namespace gantry::grpc {

enum class StatusCode : std::uint8_t {
  Ok,
  Cancelled,
  Unknown,
  InvalidArgument,
  DeadlineExceeded,
  NotFound,
  AlreadyExists,
  PermissionDenied,
  ResourceExhausted,
  FailedPrecondition,
  Aborted,
  OutOfRange,
  Unimplemented,
  Internal,
  Unavailable,
  DataLoss,
  Unauthenticated,
};

StatusCode status_of(Code code);
Code code_of(StatusCode status);

// The fields that end a call.
http::HeaderFields to_trailers(const Result<void>& outcome);
// What the trailers of a peer say. DataLoss when they do not say anything.
Result<void> outcome_of(const http::HeaderFields& trailers);

// grpc-message: bytes that are not printable, and '%', as %XX. What is broken is taken as it is.
std::string percent_encode(std::string_view message);
std::string percent_decode(std::string_view text);

}  // namespace gantry::grpc
