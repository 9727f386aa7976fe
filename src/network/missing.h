// SPDX-License-Identifier: Apache-2.0
//
// For the removal of what may have gone by itself.
#pragma once

#include <cerrno>

#include "base/error.h"

namespace gantry::network {

inline Result<void> ignore_missing(Result<void> outcome) {
  if (outcome) return outcome;
  const int reason = outcome.error().errno_value();
  const bool is_missing = reason == ENODEV || reason == ENOENT || outcome.error().code() == Code::NotFound;
  return is_missing ? Result<void>() : std::move(outcome);
}

}  // namespace gantry::network
