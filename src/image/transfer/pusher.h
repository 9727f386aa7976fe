// SPDX-License-Identifier: Apache-2.0
//
// Sends an image to a registry: layers side by side, then the config, then the manifest, which makes it
// visible. What the registry has is not sent; what it has in another repository is asked for from there.
//
//   Pushed image = TRY(push(store, registries, TRY(oci::Reference::parse("registry:5000/app:1")), {},
//   progress));
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "image/image_store.h"
#include "image/transfer/cancellation.h"
#include "image/transfer/progress.h"
#include "image/transfer/registries.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"

namespace gantry::image {

struct PushOptions {
  // The image to send, as ImageStore::resolve() takes it; empty: the one that has the name it is sent as.
  std::string source;
  std::optional<Credentials> credentials;  // in place of what is configured
  // Of an image that was pulled as an index: the one manifest to send. None: the index with all its
  // manifests if they are all in the store, this image's own manifest otherwise.
  std::optional<oci::Platform> platform;
  std::optional<oci::Format> format;  // converts the manifests on the way; none: as they are
  unsigned parallel_layers = 3;
  Cancellation* cancellation = nullptr;  // to end it early; borrowed, and of this push alone
};

struct Pushed {
  oci::Digest digest;  // of what the registry has under the tag now
  std::string media_type;
  std::uint64_t size = 0;  // bytes of that manifest
};

Result<Pushed> push(ImageStore& store, Registries& registries, const oci::Reference& reference,
                    const PushOptions& options, ProgressSink& progress);

}  // namespace gantry::image
