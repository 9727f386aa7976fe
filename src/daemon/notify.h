// SPDX-License-Identifier: Apache-2.0
//
// Tells the service manager how far a daemon is (sd_notify(3)): a datagram to the socket in $NOTIFY_SOCKET.
#pragma once

#include <string_view>

#include "base/error.h"

namespace gantry::daemon {

// Lines of "NAME=value": "READY=1", "STOPPING=1". Does nothing where nobody wants to know.
Result<void> notify_service_manager(std::string_view state);

}  // namespace gantry::daemon
