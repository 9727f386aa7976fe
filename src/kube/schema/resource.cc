// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/resource.h"

#include <algorithm>

namespace gantry::kube {

const Subresource* Resource::find_subresource(std::string_view subresource) const {
  const auto at = std::ranges::find(subresources, subresource, &Subresource::name);
  return at == subresources.end() ? nullptr : &*at;
}

}  // namespace gantry::kube
