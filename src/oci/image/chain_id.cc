// SPDX-License-Identifier: Apache-2.0
#include "oci/image/chain_id.h"

namespace gantry::oci {

Digest chain_id(const Digest& parent, const Digest& diff_id) {
  if (parent.is_empty()) return diff_id;
  return digest_of(parent.str() + ' ' + diff_id.str());
}

std::vector<Digest> chain_ids(std::span<const Digest> diff_ids) {
  std::vector<Digest> chain;
  chain.reserve(diff_ids.size());
  for (const Digest& diff_id : diff_ids)
    chain.push_back(chain_id(chain.empty() ? Digest() : chain.back(), diff_id));
  return chain;
}

}  // namespace gantry::oci
