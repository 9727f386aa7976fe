// SPDX-License-Identifier: Apache-2.0
//
// The events of a watch in the version that is asked for (WatchOptions::show), selected in it where what is
// stored does not tell (shown_selection.h).
#pragma once

#include <optional>
#include <vector>

#include "kube/server/shown_selection.h"
#include "kube/storage/watch_stream.h"

namespace gantry::kube {

// `selection`: the events are of all objects of the right names, and are left out, or become of another type,
// as a client sees it who sees only what is selected.
Answer<void> show_events(const Resource& resource, const std::optional<ShownSelection>& selection,
                         std::vector<WatchEvent>& events);

}  // namespace gantry::kube
