// SPDX-License-Identifier: Apache-2.0
#include "build/narrator.h"

#include <fmt/format.h>

#include "oci/image/digest.h"

namespace gantry::build {

VertexId Narrator::new_id() { return oci::digest_of(fmt::format("vertex {} {}", build_, count_++)).str(); }

}  // namespace gantry::build
