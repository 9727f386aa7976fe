// SPDX-License-Identifier: Apache-2.0
//
// One build as a client asked for it: a Solve of Control, which in newer clients only waits while the same
// client drives the build through LLBBridge, and returns what that came to.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "build/builder.h"
#include "build/cancel.h"
#include "buildkit/build_log.h"

namespace gantry::buildkit {

using StringMap = std::map<std::string, std::string>;

struct ExporterRequest {
  std::string type;  // "moby", "image", "docker", "oci", "local", "tar"
  StringMap attrs;
};

// What a Solve asked for.
struct SolveOrder {
  std::string ref;
  std::string session;
  std::string frontend;
  StringMap frontend_attrs;
  std::vector<ExporterRequest> exporters;
  std::vector<std::string> cache_from;
  std::vector<std::string> entitlements;
  bool is_internal = false;
};

// What became of it, for ListenBuildHistory.
struct BuildRecord {
  SolveOrder order;
  std::int64_t created = 0;    // nanoseconds since 1970, as the next
  std::int64_t completed = 0;  // 0: it runs
  std::string failure;         // empty: none
  StringMap exporter_response;
  BuildLog::Counts counts;
};

class BuildJob {
 public:
  explicit BuildJob(SolveOrder order);

  const SolveOrder& order() const { return order_; }
  BuildLog& log() { return *log_; }
  build::Cancel& cancel() { return cancel_; }

  // What the exporters have to say; from the thread that builds.
  void set_response(StringMap response);
  StringMap response() const;
  // What it came to, for builds of the same client that stand on it, until it has ended. Null: nothing yet.
  void set_stage(std::shared_ptr<const build::BuiltStage> stage);
  std::shared_ptr<const build::BuiltStage> stage() const;

  // Of a client that drives its build: waits for its Return. Conflict when it left.
  Result<void> wait_for_return();
  void on_return(const Result<void>& outcome);
  // The client of Solve is gone.
  void give_up();
  // The end: followers are told.
  void end(const Result<void>& outcome);

  BuildRecord record() const;

 private:
  struct Failure {
    Code code;
    std::string message;
  };
  static std::optional<Failure> failure_of(const Result<void>& outcome);

  const SolveOrder order_;
  const std::int64_t created_;
  const std::shared_ptr<BuildLog> log_ = std::make_shared<BuildLog>();
  build::Cancel cancel_;
  mutable Mutex mutex_;  // guards what follows
  bool is_returned_ GUARDED_BY(mutex_) = false;
  bool is_given_up_ GUARDED_BY(mutex_) = false;
  std::optional<Failure> failure_ GUARDED_BY(mutex_);
  std::int64_t completed_ GUARDED_BY(mutex_) = 0;
  StringMap response_ GUARDED_BY(mutex_);
  std::shared_ptr<const build::BuiltStage> stage_ GUARDED_BY(mutex_);  // shared with builds on it
  CondVar changed_;
};

// The builds that run, and the last ones that did. Thread-safe.
class BuildJobs {
 public:
  // AlreadyExists when one of that ref runs.
  Result<std::shared_ptr<BuildJob>> begin(SolveOrder order);
  void end(const std::shared_ptr<BuildJob>& job, const Result<void>& outcome);
  // Waits for one that is about to begin: clients ask for its progress at the same time. NotFound.
  Result<std::shared_ptr<BuildJob>> find(const std::string& ref, std::chrono::milliseconds patience);

  // Those that run first; `ref` empty: all.
  std::vector<BuildRecord> records(const std::string& ref) const;
  // True when some ended record of that ref was there.
  bool forget(const std::string& ref);
  // Changes when a build begins, ends or is forgotten. wait_for_change() returns when it is another than
  // `seen`, or by wake().
  std::uint64_t version() const;
  void wait_for_change(std::uint64_t seen);
  void wake();

 private:
  void touch() REQUIRES(mutex_);
  mutable Mutex mutex_;  // guards what follows
  std::map<std::string, std::shared_ptr<BuildJob>> running_ GUARDED_BY(mutex_);
  // With its log for a while: a client may ask for progress when everything is over.
  std::deque<std::shared_ptr<BuildJob>> ended_ GUARDED_BY(mutex_);
  std::uint64_t version_ GUARDED_BY(mutex_) = 0;
  std::uint64_t wakes_ GUARDED_BY(mutex_) = 0;
  CondVar changed_;
};

}  // namespace gantry::buildkit
