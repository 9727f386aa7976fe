// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "kube/schema/resource.h"

namespace gantry::kube {

struct NamedVerb {
  std::string_view name;
  Verb verb;
};
inline constexpr std::array<NamedVerb, 8> kVerbs = {{{"create", Verb::Create},
                                                     {"get", Verb::Get},
                                                     {"list", Verb::List},
                                                     {"watch", Verb::Watch},
                                                     {"update", Verb::Update},
                                                     {"patch", Verb::Patch},
                                                     {"delete", Verb::Delete},
                                                     {"deletecollection", Verb::DeleteCollection}}};

// Of a RequestInfo about a resource.
inline Verb verb_of(std::string_view name) {
  const auto* found = std::ranges::find(kVerbs, name, &NamedVerb::name);
  return found == kVerbs.end() ? Verb::Get : found->verb;
}

}  // namespace gantry::kube
