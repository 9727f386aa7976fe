// SPDX-License-Identifier: Apache-2.0
//
// sd_notify(3): a service manager, or conmon for podman's --sdnotify=container,
// waits on a datagram socket for the service to say that it is ready.
#pragma once

#include "oci/runtime_spec.h"

namespace gantry::runtime::cli {

// Binds the socket of NOTIFY_SOCKET into the container and tells its process where. One that is not there, or
// has no path (an abstract one belongs to the host's network namespace), is left out: nobody waits for it, or
// nobody could.
void offer_notify_socket(oci::Spec& spec);

}  // namespace gantry::runtime::cli
