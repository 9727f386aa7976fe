// SPDX-License-Identifier: Apache-2.0
//
// An exec or attach between a client that speaks WebSocket (v5.channel.k8s.io: a message is the number of its
// channel and bytes, and 255 with a number closes one) and an agent that speaks SPDY (v4.channel.k8s.io: a
// stream for each), as the design of the former describes both
// (https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets).
// For http::relay().
#pragma once

#include <memory>

#include "http/relay.h"
#include "http/url.h"

namespace gantry::kube {

// `query`: with which the agent was asked ("input", "output", "error", "tty").
std::unique_ptr<http::Interpreter> exec_translator(const http::Query& query);

}  // namespace gantry::kube
