// SPDX-License-Identifier: Apache-2.0
//
// A WebSocket whose server only tells: every frame of a source is a message. What the peer says is dropped,
// but for pings and Close.
#pragma once

#include <memory>

#include "base/error.h"
#include "http/frame_source.h"
#include "http/stream.h"
#include "http/stream_loop.h"
#include "http/websocket.h"

namespace gantry::http {

// Until the source ends (then it says Close), the peer goes, or takes nothing for a minute. `messages`: of
// what kind the frames are, Text or Binary.
Result<void> feed_websocket(StreamLoop& loop, Stream stream, std::shared_ptr<FrameSource> source,
                            WebSocket::Kind messages);

}  // namespace gantry::http
