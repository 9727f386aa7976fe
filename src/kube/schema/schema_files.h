// SPDX-License-Identifier: Apache-2.0
//
// The texts of files/*.schema.
#pragma once

#include <span>

#include "base/embedded_text.h"

namespace gantry::kube {

extern const std::span<const EmbeddedText> kSchemaFiles;

}  // namespace gantry::kube
