// SPDX-License-Identifier: Apache-2.0
#include "buildkit/message.h"

namespace gantry::buildkit {

Error not_a_message(std::string_view what) {
  return error(Code::InvalidArgument, "what came for '{}' is not the message it should be", what);
}

void set_time(pb::Timestamp& timestamp, std::int64_t nanoseconds) {
  timestamp.set_seconds(nanoseconds / 1'000'000'000);
  timestamp.set_nanos(static_cast<std::int32_t>(nanoseconds % 1'000'000'000));
}

}  // namespace gantry::buildkit
