// SPDX-License-Identifier: Apache-2.0
//
// /etc/hosts, /etc/hostname and /etc/resolv.conf of a container: files of the engine that are mounted over
// the image's, and written over in place when something changes.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/core.h"

namespace gantry::engine {

// Before its start: the name, and who answers its questions for names.
Result<void> write_name_files(Core& core, const ContainerRecord& container);
// Once its addresses are known, for `networks`; it need not run yet. A container that joined another's
// network has that one's file.
Result<void> write_hosts(Core& core, const ContainerRecord& container, const ContainerNetworks& networks);
// The running containers that link to `container` learn of its new address.
void refresh_linking_hosts(Core& core, const ContainerRecord& container);

// Whose files are mounted: its own, or those of the container or pod whose network it is in.
struct NameFiles {
  std::string hosts;
  std::string hostname;
  std::string resolv_conf;
};
Result<NameFiles> name_files_of(Core& core, const ContainerRecord& container);

}  // namespace gantry::engine
