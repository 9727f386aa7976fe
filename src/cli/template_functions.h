// SPDX-License-Identifier: Apache-2.0
//
// The functions of templates: Go's own (and or not len index print printf println eq ne lt le gt ge) and
// docker's (json join split lower upper title pad truncate).
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "cli/template_value.h"

namespace gantry::cli {

Result<TemplateValue> call_template_function(std::string_view name, std::span<const TemplateValue> arguments);

}  // namespace gantry::cli
