// SPDX-License-Identifier: Apache-2.0
//
// Two connections become one: what a proxy does with streams that it only passes on.
#pragma once

#include "base/error.h"
#include "http/stream.h"

namespace gantry::http {

// Passes bytes both ways until both directions have ended, or one breaks; the end of one is passed on as
// that. Blocks for as long. Without a limit: streams of terminals may be silent for days.
Result<void> relay(Stream& one, Stream& other);

}  // namespace gantry::http
