// SPDX-License-Identifier: Apache-2.0
//
// Makes an image of one layer from a distribution's packages, by a description; no registry is needed. The
// same description and the same packages make the same digest. What it is made of is attached to it as SPDX.
//
//   Composed image = TRY(compose(store, snapshots, TRY(parse_description(text)), {.names = {"base:1"}}));
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "image/compose/description.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "oci/image/digest.h"

namespace gantry::image {

struct ComposeOptions {
  std::vector<std::string> names;  // of the image, in any form
  std::string base = ".";          // what the description's files are relative to
  int output = 2;                  // descriptor for what package managers say
};

struct Composed {
  oci::Digest image;  // its id: the digest of the config
  oci::Digest manifest;
  oci::Digest sbom;  // the manifest that is attached to it
  std::size_t packages = 0;
};

// PermissionDenied unless root calls: packages' files have owners, and their scripts are run. Nothing is left
// behind after an error.
Result<Composed> compose(ImageStore& store, Snapshots& snapshots, const Description& description,
                         const ComposeOptions& options);

}  // namespace gantry::image
