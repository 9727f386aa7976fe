// SPDX-License-Identifier: Apache-2.0
//
// What a stage is at one point of its Dockerfile: the config that its image would have, and its layers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/variables.h"
#include "oci/image/chain_id.h"
#include "oci/image/descriptor.h"
#include "oci/image/image_config.h"

namespace gantry::build {

struct StageState {
  oci::ImageConfig image;               // with history, and the diff ids of `layers`
  std::vector<oci::Descriptor> layers;  // blobs, the lowest first
  oci::Digest chain;                    // of all layers; empty: there is none
  StageArguments arguments;
  bool has_own_command = false;  // CMD stands in this stage, so ENTRYPOINT leaves it
  std::int64_t created = 0;      // of the last layer, or the base: nanoseconds since 1970; 0: unknown
  std::size_t expanded = 0;      // bytes that words with variables have become so far

  void add_layer(const oci::Descriptor& blob, const oci::Digest& diff_id) {
    layers.push_back(blob);
    image.rootfs.diff_ids.push_back(diff_id);
    chain = oci::chain_id(chain, diff_id);
  }
  std::optional<oci::Digest> top() const { return chain.is_empty() ? std::nullopt : std::optional(chain); }
};

}  // namespace gantry::build
