// SPDX-License-Identifier: Apache-2.0
//
// Shows a transfer: bars with rates on a terminal, a line a change elsewhere, a JSON object a line for
// programs. Writes to standard error, so that standard output holds the result alone.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "image/transfer/progress.h"

namespace gantry::cli {

enum class ProgressForm : std::uint8_t { Auto, Bars, Lines, Json, None };
Result<ProgressForm> parse_progress_form(const std::string& word);

// The destructor writes what is still to be shown.
std::unique_ptr<image::ProgressSink> show_progress(ProgressForm form);

}  // namespace gantry::cli
