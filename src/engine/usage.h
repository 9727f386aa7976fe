// SPDX-License-Identifier: Apache-2.0
//
// Who used what: one row for every life of a container (from start to end), kept after the container is gone.
//
//   auto usage = TRY(UsageLog::open("/var/lib/gantry"));
//   usage->begin({.container = id, .started = now, .user = owner, ...});     // at start
//   usage->sample(id, now, {...});                                           // now and then
//   TRY(usage->end(id, now, exit_code, {...}));                              // after its end
//   UsageReport report = TRY(usage->report({.since = monday, .group_by = {"user"}}));
//
// In `<root>/usage.db` (docs/formats/usage.md). What was written survives the end of the process; a crash of
// the host may take the last seconds. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_codec.h"

namespace gantry::engine {

// Counters of one life so far, as the kernel has them (bytes, nanoseconds).
struct UsageCounters {
  std::uint64_t cpu = 0;          // nanoseconds
  std::uint64_t memory = 0;       // bytes now
  std::uint64_t memory_peak = 0;  // where the kernel knows it; else the largest sample
  std::uint64_t io_read = 0, io_written = 0;
  std::uint64_t net_received = 0, net_sent = 0;
};

struct UsageLife {
  std::string container;  // id
  std::string name;
  std::string user;   // who asked for it, as far as the face that was used knows; may be empty
  std::string image;  // as it was asked for
  std::string image_digest;
  std::map<std::string, std::string> labels;
  std::int64_t started = 0;  // nanoseconds since 1970, as all times
  std::int64_t ended = 0;    // 0: it runs
  std::int64_t exit_code = 0;
  std::uint64_t pulled = 0;  // bytes that were fetched for its image, and are no earlier life's
  UsageCounters counters;    // the last ones
  double memory_byte_seconds = 0;
};
void fields(json::Fields& f, UsageLife& life);

struct UsageQuery {
  std::int64_t since = 0;  // lives that ended later, or run
  std::int64_t until = 0;  // lives that began earlier; 0: now
  // "user", "image", "container", "name", "project" (the label com.docker.compose.project), "label:<key>".
  // Empty: one row of all.
  std::vector<std::string> group_by;
};

struct UsageRow {
  std::vector<std::string> group;  // a value for each of `group_by`
  std::uint64_t lives = 0;
  double seconds = 0;
  double cpu_seconds = 0;
  double memory_byte_seconds = 0;
  std::uint64_t memory_peak = 0;
  std::uint64_t io_read = 0, io_written = 0;
  std::uint64_t net_received = 0, net_sent = 0;
  std::uint64_t pulled = 0;
};
void fields(json::Fields& f, UsageRow& row);

class UsageLog {
 public:
  static Result<std::unique_ptr<UsageLog>> open(const std::string& root);
  UsageLog(const UsageLog&) = delete;
  UsageLog& operator=(const UsageLog&) = delete;
  ~UsageLog();

  // `bytes` were fetched from a registry for the image of this id. They are the next life's of a container of
  // it: who had it pulled is who runs it.
  Result<void> add_pulled(const std::string& image_digest, std::uint64_t bytes);

  // Of a life that has begun already, nothing. Another one of the container that is still open is abandoned.
  Result<void> begin(const UsageLife& life);
  // Adds what was held in memory since the last sample. Nothing for a life that did not begin.
  Result<void> sample(const std::string& container, std::int64_t now, const UsageCounters& counters);
  Result<void> end(const std::string& container, std::int64_t now, std::int64_t exit_code,
                   const std::optional<UsageCounters>& last);

  // Nobody saw the end: it is taken to have been when it was sampled last.
  Result<void> abandon(const std::string& container);

  Result<std::vector<UsageLife>> lives(const UsageQuery& query) const;
  // A life counts with the part of it that lies within the query's time, as if it had used everything
  // evenly. InvalidArgument for a word of `group_by` that is not known.
  Result<std::vector<UsageRow>> report(const UsageQuery& query) const;
  // Forgets lives that ended before.
  Result<std::uint64_t> prune(std::int64_t before);

 private:
  struct State;
  explicit UsageLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gantry::engine
