// SPDX-License-Identifier: Apache-2.0
//
// Shows how a pull, push, load or import goes: the daemon sends a JSON object a step. On a terminal each
// layer has one line that changes; elsewhere what is only a count is left out.
#pragma once

#include "base/byte_stream.h"
#include "base/error.h"

namespace gantry::cli::docker {

enum class MessageView : std::uint8_t { Shown, Quiet };

// Reads to the end, onto the descriptor `out`. The error that the daemon sent in the stream, if it did.
Result<void> show_messages(ByteSource& body, int out, MessageView view);

}  // namespace gantry::cli::docker
