// SPDX-License-Identifier: Apache-2.0
//
// The layers of an image that is in the store, as directories: what a pull leaves out where the bytes were in
// the store already, and what every first mount asks for.
#pragma once

#include <optional>

#include "base/error.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "image/unpack.h"
#include "oci/image/digest.h"
#include "oci/image/image_config.h"

namespace gantry::image {

// The config of an image, from its blob.
Result<oci::ImageConfig> read_config(const ImageStore& store, const Image& image);

// The chain id of its topmost layer if all are unpacked; for an image without layers an empty digest.
Result<std::optional<oci::Digest>> unpacked_top(const ImageStore& store, const Snapshots& snapshots,
                                                const Image& image);

// Unpacks what is not yet, several layers at once, and answers the same; the layers stay as long as the
// image's config. NotFound if a blob is missing.
Result<oci::Digest> unpack_image(ImageStore& store, Snapshots& snapshots, const Image& image,
                                 const OnLoss& on_loss = {});

// Bytes of the files in these layers and all below; 0 for an empty digest.
Result<std::uint64_t> unpacked_size(const Snapshots& snapshots, const oci::Digest& top);

}  // namespace gantry::image
