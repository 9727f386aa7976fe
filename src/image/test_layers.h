// SPDX-License-Identifier: Apache-2.0
//
// Layers as tests look at them.
#pragma once

#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "oci/archive/tar_reader.h"
#include "testing/must.h"

namespace gantry::image {

// Of the entries of a layer's archive, in their order.
inline std::vector<std::string> paths_in(const std::string& tar) {
  StringSource source(tar);
  oci::TarReader reader(source);
  std::vector<std::string> paths;
  while (const auto entry = MUST(reader.next())) paths.push_back(entry->path);
  return paths;
}

}  // namespace gantry::image
