// SPDX-License-Identifier: Apache-2.0
//
// Between messages (messages.proto) and their bytes. The generated header is heavy: only .cc files include
// this.
#pragma once

#include <messages.pb.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "grpc/call.h"

namespace gantry::buildkit {

Error not_a_message(std::string_view what);

template <class Message>
Result<Message> parse(std::string_view bytes, std::string_view what) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return not_a_message(what);
  return message;
}

// The one request of a call.
template <class Message>
Result<Message> read_request(grpc::ServerCall& call) {
  return parse<Message>(TRY(call.read_one()), call.method());
}

template <class Message>
Result<void> write(grpc::ServerCall& call, const Message& message) {
  return call.write(message.SerializeAsString());
}

// One message there, one back.
template <class Answer, class Request>
Result<Answer> ask(http::Http2Connection& connection, std::string_view method, const Request& request) {
  return parse<Answer>(TRY(grpc::call_unary(connection, method, request.SerializeAsString())), method);
}

// Nanoseconds since 1970.
void set_time(pb::Timestamp& timestamp, std::int64_t nanoseconds);

using StringMap = std::map<std::string, std::string>;
template <class Map>
StringMap to_map(const Map& map) {
  return StringMap(map.begin(), map.end());
}

}  // namespace gantry::buildkit
