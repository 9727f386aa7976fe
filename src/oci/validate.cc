// SPDX-License-Identifier: Apache-2.0
#include "oci/runtime_spec.h"

namespace gantry::oci {
Result<void> validate(const Spec&) { return {}; }
Result<void> validate(const Process&) { return {}; }
Result<void> validate(const Resources&) { return {}; }
}  // namespace gantry::oci
