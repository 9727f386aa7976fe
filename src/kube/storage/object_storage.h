// SPDX-License-Identifier: Apache-2.0
//
// What the verbs do with objects: get, list and watch by the rules of resource versions
// (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions), and conditional writes.
// Reads are answered out of memory, but for states that have passed.
//
//   Answer<Written> made = storage.put(pods, "default/web", kAbsent, text);
//   if (!made->is_done) return already_exists(...);
//   send(made->object->json());
//
// All calls are for any thread and may block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kube/api/status.h"
#include "kube/storage/lease_pool.h"
#include "kube/storage/object_cache.h"
#include "kube/storage/selection.h"
#include "kube/storage/watch_stream.h"
#include "store/store.h"

namespace gantry::kube {

enum class RevisionMatch : std::uint8_t { Unset, Exact, NotOlderThan };

// The parameters that get, list and watch have in common, as text and checked.
struct ReadVersion {
  std::optional<store::Revision> revision;  // nothing: the most recent; 0: any
  RevisionMatch match = RevisionMatch::Unset;
};

// 400 for what is no resource version.
Answer<std::optional<store::Revision>> parse_revision(std::string_view text);

struct ListRequest {
  Selection selection;
  ReadVersion version;
  std::size_t limit = 0;  // 0: all
  std::string continue_token;
};

struct ListResult {
  std::vector<ObjectRef> items;
  store::Revision revision = 0;          // that they show
  std::string continue_token;            // empty: these were the last
  std::optional<std::size_t> remaining;  // how many are still to come, if that is known
};

inline constexpr store::Revision kAbsent = 0;

struct Written {
  bool is_done = false;
  // Done: what was written, or what was deleted as it was last. Otherwise what is there instead; null:
  // nothing.
  ObjectRef object;
};

// What else has to hold and is done, together with a write or not at all: addresses that are taken.
struct AlsoWritten {
  std::vector<store::Condition> conditions;
  std::vector<store::Operation> operations;
  std::chrono::seconds time_to_live{};  // of what is put; then it goes by itself; 0: never
};

class ObjectStorage {
 public:
  // They outlive it. `patience`: how long a client waits for a revision that he knows and we do not yet.
  ObjectStorage(store::Store& store, ObjectCache& cache,
                std::chrono::milliseconds patience = std::chrono::seconds(3))
      : store_(store), cache_(cache), leases_(store), patience_(patience) {}

  ObjectCache& cache() { return cache_; }

  // Null if there is none.
  Answer<ObjectRef> get(const Collection& collection, std::string_view path, const ReadVersion& version = {});
  Answer<ListResult> list(Collection& collection, const ListRequest& request);
  // `version` as for the stream's beginning; options.after and what is told at first are set here.
  // `sends_initial`: the parameter sendInitialEvents.
  Answer<std::unique_ptr<WatchStream>> watch(Collection& collection, const ReadVersion& version,
                                             std::optional<bool> sends_initial, WatchOptions options);

  // Only if the object is at `expected`: kAbsent if it must not be there. Not done for any other reason than
  // that if `also` does not hold, too.
  Answer<Written> put(const Collection& collection, std::string_view path, store::Revision expected,
                      std::string_view text, const AlsoWritten& also = {});
  Answer<Written> remove(const Collection& collection, std::string_view path, store::Revision expected,
                         const AlsoWritten& also = {});
  // What is in the store itself: for those who may have seen an older state in memory.
  Answer<ObjectRef> get_from_store(const Collection& collection, std::string_view path);

 private:
  Answer<void> wait_for(store::Revision revision);
  Answer<ListResult> list_now(Collection& collection, const ListRequest& request, std::string_view after);
  Answer<ListResult> list_at(Collection& collection, const ListRequest& request, store::Revision revision,
                             std::string_view after);
  static ListResult list_of(Collection& collection, const Collection::Snapshot& snapshot,
                            store::Revision revision, const ListRequest& request, std::string_view after);
  Answer<ListResult> list_stored(Collection& collection, const ListRequest& request, store::Revision revision,
                                 std::string_view after);
  Answer<void> resume(const Collection& collection, store::Revision revision, WatchOptions& options);
  Answer<Written> commit(const Collection& collection, std::string_view path, store::Revision expected,
                         store::Operation operation, const AlsoWritten& also);

  store::Store& store_;
  ObjectCache& cache_;
  LeasePool leases_;
  const std::chrono::milliseconds patience_;
};

}  // namespace gantry::kube
