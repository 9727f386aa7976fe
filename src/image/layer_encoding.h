// SPDX-License-Identifier: Apache-2.0
//
// From what the bytes of a layer are to what its media type says of them.
#pragma once

#include "oci/archive/compression.h"
#include "oci/image/media_type.h"

namespace gantry::image {

inline oci::LayerEncoding encoding_of(oci::Compression compression) {
  switch (compression) {
    case oci::Compression::None: return oci::LayerEncoding::Tar;
    case oci::Compression::Gzip: return oci::LayerEncoding::Gzip;
    case oci::Compression::Zstd: return oci::LayerEncoding::Zstd;
  }
  return oci::LayerEncoding::Tar;
}

}  // namespace gantry::image
