// SPDX-License-Identifier: Apache-2.0
//
// The name of a stack of layers, by what it holds once applied: for one layer its diff id, and for each one
// on top the SHA-256 of "<chain id below> <diff id>".
//
// https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md#layer-chainid
#pragma once

#include <span>
#include <vector>

#include "oci/image/digest.h"

namespace gantry::oci {

// Of the layers up to and with each one; lowest first, as the diff ids are.
std::vector<Digest> chain_ids(std::span<const Digest> diff_ids);

// Of one more layer on top; an empty `parent` for the lowest.
Digest chain_id(const Digest& parent, const Digest& diff_id);

}  // namespace gantry::oci
