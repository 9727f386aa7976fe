// SPDX-License-Identifier: Apache-2.0
//
// A revisioned store of keys and values, whose changes can be watched: what a Kubernetes API server stands
// on. Two backends mean the same by it: EmbeddedStore (one machine, SQLite) and EtcdStore (an etcd cluster).
// The words are etcd's (https://etcd.io/docs/v3.5/learning/data_model/): every transaction that changes
// something makes one new revision of the whole store; what was at an older revision can be read until it is
// compacted.
//
//   const CommitResult made = TRY(store.commit(
//       {.conditions = {Condition::absent("/pods/a")}, .operations = {Operation::put("/pods/a", value)}}));
//   if (!made.committed) use(made.current[0]);       // somebody else was faster; this is what is there
//   const RangeResult all = TRY(store.range({.keys = KeyRange::prefix("/pods/"), .limit = 500}));
//   auto watch = TRY(store.watch(KeyRange::prefix("/pods/"), all.revision, sink));
//
// All calls are for any thread and block. Errors beside those of disk and network: Conflict, the revision is
// compacted; InvalidArgument, it is in the future, or the request is against the rules below; NotFound, no
// such lease. Unavailable from commit(): it may have been done or not.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/shared_bytes.h"

namespace gantry::store {

// An empty store is at 1; 0: none, or "now".
using Revision = std::int64_t;
// 0: none.
using LeaseId = std::int64_t;

struct KeyValue {
  std::string key;
  SharedBytes value;
  Revision created = 0;
  Revision modified = 0;
  std::int64_t version = 0;  // changes since it was created, that one included; 0: it was deleted
  LeaseId lease = 0;
};

// Keys from `first` on that stand before `end`, in the order of their bytes.
struct KeyRange {
  std::string first;
  std::string end;  // empty: no end

  static KeyRange all() { return {}; }
  static KeyRange one(std::string_view key);
  static KeyRange prefix(std::string_view text);

  bool contains(std::string_view key) const { return key >= first && (end.empty() || key < end); }
};

struct RangeRequest {
  KeyRange keys;
  Revision at = 0;         // 0: now, with everything that any client has been told to be done
  std::size_t limit = 0;   // 0: all
  bool keys_only = false;  // without values
  bool count_only = false;
};

struct RangeResult {
  std::vector<KeyValue> items;
  Revision revision = 0;  // of the store: what `items` show, if `at` was 0
  std::size_t count = 0;  // of all keys in the range, whatever the limit
};

struct Condition {
  enum class Kind : std::uint8_t { Absent, ModifiedAt };
  std::string key;
  Kind kind = Kind::Absent;
  Revision revision = 0;  // of ModifiedAt

  static Condition absent(std::string_view key) { return {.key = std::string(key)}; }
  static Condition modified_at(std::string_view key, Revision revision) {
    return {.key = std::string(key), .kind = Kind::ModifiedAt, .revision = revision};
  }
};

struct Operation {
  enum class Kind : std::uint8_t { Put, Delete };
  std::string key;
  Kind kind = Kind::Put;
  SharedBytes value;
  LeaseId lease = 0;  // of Put: the key goes when the lease does

  static Operation put(std::string_view key, SharedBytes value, LeaseId lease = 0) {
    return {.key = std::string(key), .value = std::move(value), .lease = lease};
  }
  static Operation remove(std::string_view key) { return {.key = std::string(key), .kind = Kind::Delete}; }
};

// All of the operations if all conditions hold, else nothing. A key is named by one operation at most; at
// most kMaxOperations, and as many conditions. Deleting what is not there changes nothing.
struct Transaction {
  std::vector<Condition> conditions;
  std::vector<Operation> operations;
};

inline constexpr std::size_t kMaxOperations = 128;
inline constexpr std::size_t kMaxValue = 1536 << 10;  // bytes of a key with its value, as etcd's default
inline constexpr std::size_t kMaxKey = 4 << 10;       // bytes

struct CommitResult {
  bool committed = false;
  // Of the store: the new one, if anything was changed. An operation's key is modified at it.
  Revision revision = 0;
  // When it was not committed: what each condition's key is now.
  std::vector<std::optional<KeyValue>> current;
};

// One change. A deletion has the key, `modified` (when it went) and version 0.
using Event = KeyValue;
inline bool is_deletion(const Event& event) { return event.version == 0; }

// Who watches. Called by one thread at a time, in order; must be quick, and must not call the store.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  // Whole revisions, oldest first: what one transaction did is never torn.
  virtual void on_events(std::span<const Event> events) = 0;
  // Nothing more comes: Conflict, the watch fell behind a compaction.
  virtual void on_end(const Error& why) = 0;
};

// Stops when it goes away: the sink is not called any more once the destructor has returned. Not to be
// destroyed by its sink. The store outlives it.
class Watch {
 public:
  virtual ~Watch() = default;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual Result<RangeResult> range(const RangeRequest& request) = 0;
  Result<std::optional<KeyValue>> get(std::string_view key, Revision at = 0);
  // On disk (of a majority) when it answers.
  virtual Result<CommitResult> commit(const Transaction& transaction) = 0;

  // Every change after `after`, first those that were. Older changes may be told before this returns.
  virtual Result<std::unique_ptr<Watch>> watch(const KeyRange& keys, Revision after, WatchSink& sink) = 0;

  // Forgets what was before `revision`; the state at it can still be read. Never later than now.
  virtual Result<void> compact(Revision revision) = 0;

  // A lease ends by itself when it was not renewed for its time; what hangs on it is deleted then.
  virtual Result<LeaseId> grant(std::chrono::seconds time) = 0;
  virtual Result<void> renew(LeaseId lease) = 0;
  virtual Result<void> revoke(LeaseId lease) = 0;
};

// What every backend refuses before it begins.
Result<void> check(const Transaction& transaction);

}  // namespace gantry::store
