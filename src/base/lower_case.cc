// SPDX-License-Identifier: Apache-2.0
#include "base/lower_case.h"

namespace gantry {

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

}  // namespace gantry
