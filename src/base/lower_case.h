// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace gantry {

// ASCII letters alone, whatever the locale: for words of protocols and formats.
std::string in_lower_case(std::string_view text);

}  // namespace gantry
