// SPDX-License-Identifier: Apache-2.0
//
// MUST(expression): the value of a Result, or the test program stops and says where and why.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/error.h"

#define MUST(expression)                                                         \
  ({                                                                             \
    auto must_result_ = (expression);                                            \
    if (!must_result_) {                                                         \
      std::fprintf(stderr, "%s:%d: %s\n  %s\n", __FILE__, __LINE__, #expression, \
                   must_result_.error().message().c_str());                      \
      std::abort();                                                              \
    }                                                                            \
    ::gantry::detail_take_value(std::move(must_result_));                        \
  })
