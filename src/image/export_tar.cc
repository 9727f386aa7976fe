// SPDX-License-Identifier: Apache-2.0
//
// export_tar() of archive_io.h.
#include "image/archive_io.h"
#include "image/layer_diff.h"

namespace gantry::image {

Result<void> export_tar(int directory, ByteSink& tar) {
  return write_layer(directory, {}, {.has_whiteouts = false}, tar);
}

}  // namespace gantry::image
