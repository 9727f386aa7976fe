// SPDX-License-Identifier: Apache-2.0
//
// What this process itself uses, as /proc/self tells it, under the names that Prometheus' client libraries
// have for it: process_cpu_seconds_total, process_resident_memory_bytes ...
#pragma once

#include "base/metrics_page.h"

namespace gantry {

// What cannot be read is 0.
void write_process(MetricsPage& page);

}  // namespace gantry
