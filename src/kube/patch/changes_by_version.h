// SPDX-License-Identifier: Apache-2.0
//
// What a request changes, as each version of the kind has it: who has set a field in one version owns it by
// the name that it has there.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "kube/api/status.h"
#include "kube/patch/managed_fields.h"
#include "kube/patch/typed_fields.h"
#include "kube/schema/versions.h"

namespace gantry::kube {

class ChangesByVersion {
 public:
  // From `live` (null: nothing is there yet) to `object`, which are both of `type`, the kind in the version
  // of `manager`. All of them outlive it; `versions` may be null: there is that one only.
  ChangesByVersion(const Type& type, const Versions* versions, const FieldManager& manager,
                   const json::Tree* live, const json::Tree& object)
      : type_(type), versions_(versions), manager_(manager), live_(live), object_(object) {}

  // Without what nobody owns. Null: the kind has no such version (any more).
  Answer<const FieldChanges*> in(const std::string& api_version);
  // What is set anew as the version of `manager` has it; nobody asks for that version any more.
  Answer<FieldSet> take_changed();

 private:
  Answer<FieldChanges*> find(const std::string& api_version);
  Answer<std::optional<FieldChanges>> compare(const std::string& api_version) const;

  const Type& type_;
  const Versions* const versions_;
  const FieldManager& manager_;
  const json::Tree* const live_;
  const json::Tree& object_;
  std::map<std::string, std::optional<FieldChanges>> known_;
};

}  // namespace gantry::kube
