// SPDX-License-Identifier: Apache-2.0
//
// Bytes from the other end of a D-Bus connection.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/dbus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry::runtime::dbus;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto message = decode(input)) {
    Decoder body(message->body);
    while (body.string()) {
    }
  }
  (void)socket_of_address(input);
  return 0;
}
