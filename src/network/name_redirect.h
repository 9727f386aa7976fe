// SPDX-License-Identifier: Apache-2.0
//
// Leads 127.0.0.11:53 of a sandbox to the ports where the name service listens in it, by an nftables table of
// the sandbox's own namespace. Port 53 of the container's other addresses stays the container's.
#pragma once

#include "base/error.h"
#include "network/name_server.h"

namespace gantry::network {

// `replaces`: in the place of what was there. (A namespace whose table is new has it faster: what was removed
// keeps who closes the socket waiting for a grace period.)
Result<void> redirect_names(int network_namespace, NamePorts ports, bool replaces);

}  // namespace gantry::network
