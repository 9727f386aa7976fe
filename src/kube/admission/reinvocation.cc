// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/reinvocation.h"

namespace gantry::kube::admission {

Round::Round(Reinvocation& state, std::string_view plugin, const json::Tree* object)
    : state_(state), asked_(state.asked[std::string(plugin)]), object_(object) {
  if (state.is_second && object != nullptr && !(asked_.left == *object)) make_due();
}

void Round::make_due() {
  asked_.due.merge(asked_.kept);
  asked_.kept.clear();
}

void Round::changed() {
  make_due();
  state_.is_wanted = true;
}

// There is no third round.
void Round::end() {
  if (!state_.is_second && object_ != nullptr && !asked_.kept.empty()) asked_.left = *object_;
}

}  // namespace gantry::kube::admission
