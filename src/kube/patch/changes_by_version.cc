// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/changes_by_version.h"

#include <utility>

#include "kube/patch/managers.h"

namespace gantry::kube {

Answer<std::optional<FieldChanges>> ChangesByVersion::compare(const std::string& api_version) const {
  static const json::Tree kNothing{json::TreeObject()};
  const json::Tree& before = live_ == nullptr ? kNothing : *live_;
  if (api_version == manager_.api_version) return std::optional(compare_fields(type_, before, object_));
  const Type* type = versions_ == nullptr ? nullptr : type_of(*versions_, api_version);
  if (type == nullptr) return std::optional<FieldChanges>();
  const json::Tree now = TRY(convert(*versions_, object_, api_version));
  if (live_ == nullptr) return std::optional(compare_fields(*type, kNothing, now));
  return std::optional(compare_fields(*type, TRY(convert(*versions_, before, api_version)), now));
}

Answer<FieldChanges*> ChangesByVersion::find(const std::string& api_version) {
  auto known = known_.find(api_version);
  if (known == known_.end()) {
    auto changes = TRY(compare(api_version));
    if (changes) {
      strip(changes->changed, manager_);
      strip(changes->removed, manager_);
    }
    known = known_.emplace(api_version, std::move(changes)).first;
  }
  return known->second ? &*known->second : nullptr;
}

Answer<const FieldChanges*> ChangesByVersion::in(const std::string& api_version) {
  return TRY(find(api_version));
}

Answer<FieldSet> ChangesByVersion::take_changed() {
  return std::move(TRY(find(manager_.api_version))->changed);
}

}  // namespace gantry::kube
