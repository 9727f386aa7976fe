// SPDX-License-Identifier: Apache-2.0
//
// --audit-log-path: one line of JSON an event. When the file would get larger than it may, it is renamed to
// NAME-2026-11-21T10-20-30.123EXTENSION, and the oldest of those go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "kube/audit/sink.h"

namespace gantry::kube {

struct AuditLogOptions {
  std::string path;                    // "-": standard output, never rotated
  std::size_t max_size = 100UL << 20;  // bytes
  std::size_t max_backups = 0;         // renamed files that are kept; 0: all
  std::size_t max_age_days = 0;        // of renamed files; 0: any
};

class AuditLog final : public AuditSink {
 public:
  static Result<std::unique_ptr<AuditLog>> open(AuditLogOptions options);
  Result<void> write(const std::string& event) override;

 private:
  explicit AuditLog(AuditLogOptions options);
  Result<void> open_file() REQUIRES(mutex_);
  Result<void> rotate() REQUIRES(mutex_);
  Result<void> remove_old() const;

  const AuditLogOptions options_;
  std::string directory_;
  std::string name_;  // without its extension
  std::string extension_;
  Mutex mutex_;  // guards what follows
  UniqueFd file_ GUARDED_BY(mutex_);
  std::size_t size_ GUARDED_BY(mutex_) = 0;
};

}  // namespace gantry::kube
