// SPDX-License-Identifier: Apache-2.0
//
// Manifests that say something about another one (what it is made of, who signed it): they have it as their
// subject (image-spec/manifest.md), stay as long as it is in the store, and go where it is pushed.
#pragma once

#include <vector>

#include "base/error.h"
#include "image/image_store.h"
#include "oci/image/digest.h"

namespace gantry::image {

// Both were recorded by Lease::add_manifest(), and one of the caller's leases holds them. NotFound.
Result<void> attach(ImageStore& store, const oci::Digest& subject, const oci::Digest& referrer);
Result<std::vector<oci::Digest>> attachments_of(ImageStore& store, const oci::Digest& subject);

}  // namespace gantry::image
