// SPDX-License-Identifier: Apache-2.0
#include "docker/errors.h"

#include "base/json.h"

namespace gantry::docker {

int status_of(Code code) {
  switch (code) {
    case Code::InvalidArgument: return 400;
    case Code::PermissionDenied: return 403;
    case Code::NotFound: return 404;
    case Code::AlreadyExists:
    case Code::Conflict: return 409;
    case Code::Unsupported: return 501;
    case Code::Unavailable: return 503;
    case Code::TimedOut: return 504;
    case Code::Internal:
    case Code::ResourceExhausted:  // Docker has no status for a full disk or too many processes
    case Code::DataLoss: break;
  }
  return 500;
}

std::string error_body(std::string_view message) {
  json::Writer writer;
  writer.begin_object().key("message").value(message).end_object();
  return std::move(writer).text() + "\n";
}

}  // namespace gantry::docker
