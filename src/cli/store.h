// SPDX-License-Identifier: Apache-2.0
//
// The image store that the command works on, opened as its verbs need it, and the snapshots that its verbs
// make there.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "cli/command.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "image/unpack.h"

namespace gantry::cli {

struct Store {
  std::unique_ptr<image::ImageStore> images;
  std::unique_ptr<image::Snapshots> snapshots;  // in the database of `images`
};

// Makes it if there is none. To be called before any thread is started: an ordinary user gets into namespaces
// of his own first (rootless.h), where the owners of images' files exist.
Result<Store> open_store(const Context& context);
// The same, and warns where files that are going to be unpacked will lose their owners.
Result<Store> open_store_to_unpack(const Context& context);

// Warns of each file that cannot be as it is in the image: a device that an ordinary user cannot make.
image::OnLoss warn_of_losses(const Context& context);

// Frees what nothing holds any more: blobs, then the layers that belonged to them. The bytes.
Result<std::uint64_t> collect(Store& store);

// A snapshot above an image, which stays as long as the snapshot. Unpacks what is not yet.
Result<void> make_snapshot(const Context& context, Store& store, const image::Image& image,
                           const std::string& key, const image::SnapshotOptions& options);
Result<void> remove_snapshot(Store& store, const std::string& key);
// Says by a warning when it is not the kernel's own overlay.
Result<void> mount_snapshot(const Context& context, const Store& store, const std::string& key,
                            const std::string& directory);
Result<void> unmount_directory(const std::string& directory);

}  // namespace gantry::cli
