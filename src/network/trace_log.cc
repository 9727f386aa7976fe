// SPDX-License-Identifier: Apache-2.0
#include "network/trace_log.h"

#include "base/json_codec.h"

namespace gantry::network {

void fields(json::Fields& f, TraceStep& step) {
  f("verdict", step.verdict, json::Presence::Always);
  f("where", step.where, json::Presence::Always);
  f("what", step.what, json::Presence::Always);
}

}  // namespace gantry::network
