// SPDX-License-Identifier: Apache-2.0
//
// Where events go: a file, or a server that collects them.
#pragma once

#include <string>

#include "base/error.h"

namespace gantry::kube {

// For any thread.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  // One event of audit.k8s.io/v1 as JSON, without a line break. The request that it tells of goes on when it
  // fails.
  virtual Result<void> write(const std::string& event) = 0;
};

}  // namespace gantry::kube
