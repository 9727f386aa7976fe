// SPDX-License-Identifier: Apache-2.0
//
// Where others reach this host.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::kube {

// The address that packets to elsewhere are sent from; 127.0.0.1 on a host without a route. NotFound never:
// a machine alone is a cluster, too.
Result<std::string> address_of_host();
Result<std::string> host_name();
// "10.96.0.1" of "10.96.0.0/16". InvalidArgument for what is no network.
Result<std::string> first_service_address(std::string_view network);
// "10.0.0.1:6443", "[2001:db8::1]:6443".
std::string with_port(std::string_view address, std::uint16_t port);

}  // namespace gantry::kube
