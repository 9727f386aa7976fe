// SPDX-License-Identifier: Apache-2.0
//
// A text in parts, which point into it.
#pragma once

#include <string_view>
#include <vector>

namespace gantry {

// Every part between separators, empty ones too; of an empty text there is one.
std::vector<std::string_view> split(std::string_view text, char separator);
// Those that are not empty.
std::vector<std::string_view> split_words(std::string_view text, char separator);

}  // namespace gantry
