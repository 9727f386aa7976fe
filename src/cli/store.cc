// SPDX-License-Identifier: Apache-2.0
#include "cli/store.h"

#include "base/file.h"

namespace gantry::cli {

Result<Store> open_store(const Context& context) {
  TRY_DURING(make_directories(context.root, 0700), "make the store's directory");
  Store store;
  store.images = std::make_unique<image::ImageStore>(TRY(image::ImageStore::open(context.root)));
  store.snapshots =
      std::make_unique<image::Snapshots>(TRY(image::Snapshots::open(context.root, store.images->database())));
  return store;
}

Result<std::uint64_t> collect(Store& store) {
  const image::Collected collected = TRY(store.images->collect());
  return collected.bytes + TRY(store.snapshots->collect());
}

}  // namespace gantry::cli
