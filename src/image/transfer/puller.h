// SPDX-License-Identifier: Apache-2.0
//
// Brings an image from a registry into the store: manifests, config and layers, several layers at once, each
// unpacked while it arrives.
//
//   Pulled image = TRY(pull(store, snapshots, registries, TRY(oci::Reference::parse("debian:12")), {},
//   progress));
//
// Everything is held by a lease from before it is there, and the name is given last: a pull that fails or is
// killed leaves the name as it was, and only bytes that the next try goes on from, or the collector frees.
// Memory does not depend on the image's size: a few MiB for each layer that is under way.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "image/transfer/cancellation.h"
#include "image/transfer/download.h"
#include "image/transfer/progress.h"
#include "image/transfer/registries.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"

namespace gantry::image {

struct PullOptions {
  std::optional<oci::Platform> platform;   // of an index; none: this host's
  std::optional<Credentials> credentials;  // in place of what is configured
  // What is in the store already, as when the registry shares it, is unpacked when it is first mounted.
  // `unpack_all` does it at once.
  bool unpack_all = false;
  unsigned parallel_layers = 5;  // fewer leave processors without work at the end, where one is left
  DownloadOptions download;      // its control is set here
  // To end it early; borrowed, and of this pull alone: it is cancelled by itself when a layer fails.
  Cancellation* cancellation = nullptr;
};

struct Pulled {
  oci::Digest digest;   // of what the name stands for: an index or a manifest
  oci::Digest id;       // of the config
  bool is_new = false;  // the name did not stand for that before
};

Result<Pulled> pull(ImageStore& store, Snapshots& snapshots, Registries& registries,
                    const oci::Reference& reference, const PullOptions& options, ProgressSink& progress);

}  // namespace gantry::image
