// SPDX-License-Identifier: Apache-2.0
//
// A layer may stand on another than its parent, of which it is a small change: its directory has only what
// differs from that one's and all below it. Only mounts know of it. The other stays as long as it is stood
// on.
//
//   LayerTicket ticket = TRY(snapshots.begin_layer(parent, diff_id));
//   if (!ticket.is_done()) {
//     TRY(stand_on(database, chain_id(parent, diff_id), before));
//     ...
//     TRY(ticket.commit({.size = bytes, .is_independent = false}));
//   }
#pragma once

#include <cstddef>

#include "base/error.h"
#include "database/database.h"
#include "oci/image/digest.h"

namespace gantry::image {

// For who has the ticket of `layer`, and holds `support`, which is there, by a lease until commit(). Without
// that nothing comes of it. Chain ids.
Result<void> stand_on(database::Database& database, const oci::Digest& layer, const oci::Digest& support);

// How many directories show the layer and all below it. NotFound if one is missing.
Result<std::size_t> directories_of(database::Database& database, const oci::Digest& top);

}  // namespace gantry::image
