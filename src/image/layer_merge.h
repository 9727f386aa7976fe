// SPDX-License-Identifier: Apache-2.0
//
// Two layers, one on the other, as one: what a layer was and what has changed in it make the layer that it is
// now, without the files. Bytes are those that write_layer() (layer_diff.h) makes of the result, as long as
// both tars are of its making: entries in its order.
//
//   const MergedLayer merged = TRY(merge_layers(before, change, {.removes_for_good = true}, tar));
#pragma once

#include <cstdint>

#include "base/byte_stream.h"
#include "base/error.h"

namespace gantry::image {

struct MergeOptions {
  // What the change removes is in no layer below both: then nothing says that it is gone. Else a whiteout
  // does.
  bool removes_for_good = false;
};

struct MergedLayer {
  std::uint64_t size = 0;  // bytes of its files
};

// Reads both to their ends. InvalidArgument for what is no tar, or not in that order; Unsupported when a file
// of which other names are kept is replaced.
Result<MergedLayer> merge_layers(ByteSource& layer, ByteSource& change, const MergeOptions& options,
                                 ByteSink& tar);

}  // namespace gantry::image
