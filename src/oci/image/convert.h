// SPDX-License-Identifier: Apache-2.0
//
// Docker schema 2 to OCI and back.
//
// The config is the same document in both, so its bytes stay, and with them the image's id; what changes are
// the media types in the manifest, and with that its digest and size.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "oci/image/descriptor.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"

namespace gantry::oci {

struct Converted {
  std::string json;
  Descriptor descriptor;          // media type, digest and size of `json`
  std::vector<std::string> lost;  // fields that the other format has no room for: "annotations"
};

// Unsupported, naming the field, where the other format cannot say what matters: an artifact, a subject, or a
// layer of a type that it does not have.
Result<Converted> convert(const Manifest& manifest, Format to);

// `converted` has, for every manifest of the index by its old digest, what it became.
Result<Converted> convert(const Index& index, Format to,
                          const std::unordered_map<Digest, Descriptor>& converted);

}  // namespace gantry::oci
