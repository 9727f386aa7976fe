// SPDX-License-Identifier: Apache-2.0
//
// What a list says about itself: metav1.ListMeta.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace gantry::kube {

struct ListMeta {
  std::string resource_version;
  std::string continue_token;  // empty: there is no more
  std::optional<std::int64_t> remaining_items;
};

}  // namespace gantry::kube
