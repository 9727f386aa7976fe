// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/resource.h"

#include <algorithm>

namespace gantry::kube {

bool is_api_version(const GroupVersionKind& kind, std::string_view text) {
  if (kind.group.empty()) return text == kind.version;
  const std::size_t slash = kind.group.size();
  return text.size() == slash + 1 + kind.version.size() && text.starts_with(kind.group) &&
         text[slash] == '/' && text.ends_with(kind.version);
}

const Subresource* Resource::find_subresource(std::string_view subresource) const {
  const auto at = std::ranges::find(subresources, subresource, &Subresource::name);
  return at == subresources.end() ? nullptr : &*at;
}

}  // namespace gantry::kube
