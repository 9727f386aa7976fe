// SPDX-License-Identifier: Apache-2.0
//
// Shows a build: a line an event with the step's number before it ("#5 0.3 compiling"), or on a terminal the
// steps that run now with their last lines, redrawn. Writes to standard error.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "build/progress.h"

namespace gantry::cli {

enum class BuildProgressForm : unsigned char { Plain, Terminal, None };
Result<BuildProgressForm> parse_build_progress(const std::string& word);

// The destructor writes what is still to be shown.
std::unique_ptr<build::ProgressSink> show_build(BuildProgressForm form);

}  // namespace gantry::cli
