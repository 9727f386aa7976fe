// SPDX-License-Identifier: Apache-2.0
//
// From bytes to messages (etcd.proto). The generated header is heavy: only .cc files include it.
#pragma once

#include <string_view>

#include "base/error.h"

namespace gantry::store {

template <class Message>
Result<Message> parse(std::string_view bytes, std::string_view what) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return error(Code::DataLoss, "what etcd answered to '{}' is not the message it should be", what);
  return message;
}

}  // namespace gantry::store
