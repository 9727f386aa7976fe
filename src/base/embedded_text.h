// SPDX-License-Identifier: Apache-2.0
//
// A text file that is part of the program (cmake/embed.cmake).
#pragma once

#include <string_view>

namespace gantry {

struct EmbeddedText {
  std::string_view name;  // of the file, without folders
  std::string_view text;
};

}  // namespace gantry
