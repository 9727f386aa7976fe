// SPDX-License-Identifier: Apache-2.0
//
// An image of what a container has become: its image, and one layer of what it changed.
//
//   oci::Digest id = TRY(commit(store, snapshots, {.snapshot = key, .base = image, .config = config,
//                                                  .name = "web:patched", .comment = "..."}));
#pragma once

#include <set>
#include <string>

#include "base/error.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "oci/image/digest.h"
#include "oci/image/image_config.h"

namespace gantry::engine {

struct CommitRequest {
  std::string snapshot;            // its key
  oci::Digest base;                // id of the container's image; empty: it is made of nothing
  oci::ContainerConfig config;     // of the new image, whole
  std::set<std::string> left_out;  // changes.h, placeholders()
  std::string name;                // a reference; empty: the image has an id only
  std::string author;
  std::string comment;
  std::string created_by;  // for the history: the container's command line
};

// The image's id. What is written to the container meanwhile may be in it in part: the caller pauses it.
// NotFound when the container's image or a part of it has gone.
Result<oci::Digest> commit(image::ImageStore& store, image::Snapshots& snapshots,
                           const CommitRequest& request);

}  // namespace gantry::engine
