// SPDX-License-Identifier: Apache-2.0
//
// Hardware addresses as text, "02:42:ac:11:00:02".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/network/route_socket.h"

namespace gantry::network {

std::optional<kernel::MacAddress> parse_mac(std::string_view text);  // with ':' or '-'
std::string spell_mac(const kernel::MacAddress& mac);
// Locally administered, so that it is nobody's.
kernel::MacAddress random_mac();

}  // namespace gantry::network
