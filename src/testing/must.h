// SPDX-License-Identifier: Apache-2.0
//
// MUST(expression): the value of a Result, or the test program stops and says where and why.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/error.h"

// One may stand inside another, so each has a variable name of its own.
#define MUST(expression) GANTRY_MUST_AS(GANTRY_UNIQUE(__COUNTER__), expression)

#define GANTRY_MUST_AS(result, expression)                                       \
  ({                                                                             \
    auto result = (expression);                                                  \
    if (!result) {                                                               \
      std::fprintf(stderr, "%s:%d: %s\n  %s\n", __FILE__, __LINE__, #expression, \
                   result.error().message().c_str());                            \
      std::abort();                                                              \
    }                                                                            \
    ::gantry::detail_take_value(std::move(result));                              \
  })
