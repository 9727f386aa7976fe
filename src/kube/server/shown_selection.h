// SPDX-License-Identifier: Apache-2.0
//
// Labels and fields of objects as they are in the version that is asked for, where only a webhook knows what
// that is: indexes and the texts in memory know another version. What is asked for in the version that all of
// it is stored in, or without a word on labels and fields, needs none of this.
//
//   if (auto shown = TRY(ShownSelection::of(request))) ...  // what is found by names is shown, then selected
#pragma once

#include <optional>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/selector.h"
#include "kube/api/status.h"
#include "kube/server/api_request.h"

namespace gantry::kube {

class ShownSelection {
 public:
  // Nothing: what is stored tells, too. 400 for selectors that are none.
  static Answer<std::optional<ShownSelection>> of(const ApiRequest& request);

  // `object`: as it is shown.
  bool matches(const json::Tree& object) const;

 private:
  LabelSelector labels_;
  FieldSelector fields_;
};

}  // namespace gantry::kube
