// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/attribute.h"

namespace gantry::kube {

std::optional<std::string_view> Attribute::of(const Object& object) const {
  switch (kind) {
    case Kind::Nothing: break;
    case Kind::Namespace: return object.name_space();
    case Kind::Name: return object.name();
    case Kind::Label: return object.label(key);
    case Kind::Field: {
      const std::string_view value = object.field(field);
      return value.empty() ? std::string_view(absent) : value;
    }
  }
  return "";
}

}  // namespace gantry::kube
