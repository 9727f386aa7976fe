// SPDX-License-Identifier: Apache-2.0
//
// Events of containers, with the attributes that Docker's have: the labels, the image, the name.
#pragma once

#include <map>
#include <string>

#include "engine/container_record.h"
#include "engine/events.h"

namespace gantry::engine {

void publish_event(Events& events, const ContainerRecord& container, std::string action,
                   const std::map<std::string, std::string>& further = {});

// "die" of one that has ended, and "oom" before it if the kernel has killed for want of memory.
void publish_end(Events& events, const ContainerRecord& container);

// "mount" and "unmount" of the volumes it has.
void publish_mount_events(Events& events, const ContainerRecord& container, std::string_view action);

}  // namespace gantry::engine
