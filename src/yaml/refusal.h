// SPDX-License-Identifier: Apache-2.0
//
// What yaml-cpp complains of, as an Error. Of this folder alone.
#pragma once

#include <yaml-cpp/mark.h>

#include <string_view>

#include "base/error.h"

namespace gantry::yaml {

inline Error refusal(const YAML::Mark& mark, std::string_view why) {
  if (mark.is_null()) return error(Code::InvalidArgument, "{}", why);
  return error(Code::InvalidArgument, "line {}, column {}: {}", mark.line + 1, mark.column + 1, why);
}

}  // namespace gantry::yaml
