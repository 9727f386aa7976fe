// SPDX-License-Identifier: Apache-2.0
//
// The image store that the command works on, opened as its verbs need it.
#pragma once

#include <memory>

#include "base/error.h"
#include "cli/command.h"
#include "image/image_store.h"
#include "image/snapshots.h"

namespace gantry::cli {

struct Store {
  std::unique_ptr<image::ImageStore> images;
  std::unique_ptr<image::Snapshots> snapshots;  // in the database of `images`
};

// Makes it if there is none.
Result<Store> open_store(const Context& context);

// Frees what nothing holds any more: blobs, then the layers that belonged to them. The bytes.
Result<std::uint64_t> collect(Store& store);

}  // namespace gantry::cli
