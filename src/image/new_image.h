// SPDX-License-Identifier: Apache-2.0
//
// The last steps of every way in which an image comes in: its blobs are in the store, now its layers are
// unpacked and it is recorded.
#pragma once

#include "base/error.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "image/unpack.h"
#include "oci/image/digest.h"

namespace gantry::image {

// Unpacks what is not yet, several layers at once, and answers what ImageStore::put_image() wants to know.
// The manifest is one that Lease::add_manifest() recorded; the caller's lease holds it. InvalidArgument if it
// is not the manifest of an image, or one whose parts do not belong together; NotFound if a blob is missing.
Result<Image> unpack_new_image(ImageStore& store, Snapshots& snapshots, const Digest& manifest,
                               const OnLoss& on_loss = {});

}  // namespace gantry::image
