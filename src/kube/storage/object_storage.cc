// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/object_storage.h"

#include <charconv>

#include <fmt/format.h>

#include "kube/storage/continue_token.h"
#include "kube/storage/missed_changes.h"

namespace gantry::kube {

// How long a writer waits for his own write to come back from the store; it is done in any case.
static constexpr std::chrono::seconds kOwnWrite{5};
// Objects that are fetched at once where the list is of a state that has passed.
static constexpr std::size_t kStoredPage = 500;

Answer<std::optional<store::Revision>> parse_revision(std::string_view text) {
  if (text.empty()) return std::optional<store::Revision>();
  store::Revision revision = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (failure != std::errc() || end != text.data() + text.size() || revision < 0)
    return bad_request(fmt::format("resourceVersion: Invalid value: \"{}\": it is no revision", text));
  return std::optional(revision);
}

static Status not_yet(store::Revision wanted, store::Revision now) {
  Status status = timed_out(fmt::format("Too large resource version: {}, current: {}", wanted, now));
  status->causes.push_back({.reason = "ResourceVersionTooLarge", .message = "Too large resource version"});
  status->retry_after_seconds = 1;
  return status;
}

Answer<void> ObjectStorage::wait_for(store::Revision revision) {
  if (cache_.wait_for(revision, patience_)) return {};
  return not_yet(revision, cache_.revision());
}

// ---- Get

Answer<ObjectRef> ObjectStorage::get(const Collection& collection, std::string_view path,
                                     const ReadVersion& version) {
  if (!version.revision)
    TRY(cache_.become_fresh());
  else
    TRY(wait_for(*version.revision));
  return collection.find(path);
}

Answer<ObjectRef> ObjectStorage::get_from_store(const Collection& collection, std::string_view path) {
  const auto found = TRY(store_.get(collection.key_of(path)));
  if (!found) return ObjectRef();
  return TRY(cache_.object_of(collection, *found));
}

// ---- List

static ListResult take(Search& search, std::size_t limit) {
  ListResult result;
  const bool is_of_all = search.selection().is_of_all();
  if (is_of_all && limit == 0) result.items.reserve(search.left());
  while (const ObjectRef* object = search.next()) {
    if (limit != 0 && result.items.size() == limit) {
      result.continue_token = result.items.back()->path();
      if (is_of_all) result.remaining = search.left() + 1;
      break;
    }
    result.items.push_back(*object);
  }
  return result;
}

static void finish(ListResult& result, store::Revision revision) {
  result.revision = revision;
  // Until here it is the path alone.
  if (!result.continue_token.empty())
    result.continue_token = ContinueToken{revision, std::move(result.continue_token)}.text();
}

Answer<ListResult> ObjectStorage::list(Collection& collection, const ListRequest& request) {
  const auto [revision, match] = request.version;
  if (!request.continue_token.empty()) {
    if (revision && *revision != 0)
      return bad_request("specifying resource version is not allowed when using continue");
    const ContinueToken token = TRY(ContinueToken::parse(request.continue_token));
    if (token.revision > 0) return list_at(collection, request, token.revision, token.path);
    TRY(cache_.become_fresh());
    return list_now(collection, request, token.path);
  }
  if (!revision) {
    TRY(cache_.become_fresh());
    return list_now(collection, request, "");
  }
  // A limit with a revision has always meant just that one.
  const bool is_exact = match == RevisionMatch::Exact ||
                        (match == RevisionMatch::Unset && request.limit != 0 && *revision != 0);
  if (is_exact) return list_at(collection, request, *revision, "");
  TRY(wait_for(*revision));
  return list_now(collection, request, "");
}

Answer<ListResult> ObjectStorage::list_now(Collection& collection, const ListRequest& request,
                                           std::string_view after) {
  const store::Revision known = cache_.revision();
  const Collection::Snapshot now = collection.snapshot_for(request.selection);
  return list_of(collection, now, std::max(known, now.changed), request, after);
}

ListResult ObjectStorage::list_of(Collection& collection, const Collection::Snapshot& snapshot,
                                  store::Revision revision, const ListRequest& request,
                                  std::string_view after) {
  Search search(snapshot.objects, request.selection, after);
  ListResult result = take(search, request.limit);
  collection.learn_from(search);
  if (!result.continue_token.empty()) collection.keep(revision, snapshot);
  finish(result, revision);
  return result;
}

Answer<ListResult> ObjectStorage::list_at(Collection& collection, const ListRequest& request,
                                          store::Revision revision, std::string_view after) {
  TRY(wait_for(revision));
  if (const auto kept = collection.kept_for(revision, request.selection))
    return list_of(collection, *kept, revision, request, after);
  const Collection::Snapshot now = collection.snapshot_for(request.selection);
  if (now.changed <= revision) return list_of(collection, now, revision, request, after);
  return list_stored(collection, request, revision, after);
}

// The words are those that clients may know.
static Status expired(std::string_view after) {
  if (after.empty()) return gone("The resourceVersion for the provided list is too old.");
  Status status = gone(
      "The provided continue parameter is too old to display a consistent list result. You can start a new "
      "list without the continue parameter, or use the continue token in this response to retrieve the "
      "remainder of the results. Continuing with the provided token results in an inconsistent list - "
      "objects "
      "that were created, modified, or deleted between the time the first chunk was returned and now may "
      "show "
      "up in the list.");
  status->continue_token = ContinueToken{-1, std::string(after)}.text();
  return status;
}

Answer<ListResult> ObjectStorage::list_stored(Collection& collection, const ListRequest& request,
                                              store::Revision revision, std::string_view after) {
  ListResult result;
  store::RangeRequest range{.keys = store::KeyRange::prefix(collection.key_of(request.selection.prefix())),
                            .at = revision};
  if (!after.empty()) range.keys.first = std::max(range.keys.first, collection.key_of(after) + '\0');
  // One more tells whether there is more.
  range.limit = request.limit == 0 ? kStoredPage : std::min(kStoredPage, request.limit + 1);
  for (;;) {
    auto page = store_.range(range);
    if (!page && page.error().code() == Code::Conflict) return expired(after);
    if (!page) return std::move(page).error();
    for (const store::KeyValue& item : page->items) {
      ObjectRef object = TRY(cache_.object_of(collection, item));
      if (!request.selection.matches(*object)) continue;
      if (request.limit != 0 && result.items.size() == request.limit) {
        result.continue_token = result.items.back()->path();
        finish(result, revision);
        return result;
      }
      result.items.push_back(std::move(object));
    }
    if (page->items.size() < range.limit) break;
    range.keys.first = page->items.back().key + '\0';
  }
  finish(result, revision);
  return result;
}

// ---- Watch

Answer<std::unique_ptr<WatchStream>> ObjectStorage::watch(Collection& collection, const ReadVersion& version,
                                                          std::optional<bool> sends_initial,
                                                          WatchOptions options) {
  const bool is_of_any = version.revision == 0;
  const bool is_from_now = !version.revision || is_of_any;
  options.sends_initial = sends_initial.value_or(is_from_now);
  options.marks_end_of_initial = sends_initial.value_or(false) && options.has_bookmarks;
  options.after.reset();
  if (!version.revision)
    TRY(cache_.become_fresh());
  else if (options.sends_initial)
    TRY(wait_for(*version.revision));
  else if (!is_of_any)
    TRY(resume(collection, *version.revision, options));
  return WatchStream::open(cache_, collection, std::move(options));
}

// A server that was started since has not seen what the client has not, but the store has.
Answer<void> ObjectStorage::resume(const Collection& collection, store::Revision revision,
                                   WatchOptions& options) {
  options.after = revision;
  const store::Revision known = collection.known_since();
  if (revision >= known) return {};
  options.missed = TRY(missed_changes(store_, cache_, collection, revision, known));
  options.missed_until = known;
  return {};
}

// ---- Write

Answer<Written> ObjectStorage::commit(const Collection& collection, std::string_view path,
                                      store::Revision expected, store::Operation operation,
                                      const AlsoWritten& also) {
  const std::string key = operation.key;
  const bool is_deletion = operation.kind == store::Operation::Kind::Delete;
  store::Transaction transaction{.conditions = also.conditions, .operations = also.operations};
  transaction.conditions.insert(
      transaction.conditions.begin(),
      expected == kAbsent ? store::Condition::absent(key) : store::Condition::modified_at(key, expected));
  transaction.operations.push_back(std::move(operation));
  const store::CommitResult result = TRY(store_.commit(transaction));
  if (!result.committed) {
    const auto& current = result.current.front();
    if (!current) return Written{};
    ObjectRef object = TRY(cache_.object_of(collection, *current));
    return Written{.is_done = false, .object = std::move(object)};
  }
  (void)cache_.wait_for(result.revision, kOwnWrite);  // it is done, even if it is not told of yet
  Written written{.is_done = true, .object = {}};
  if (is_deletion) return written;
  written.object = collection.find(path);
  // Another may have been faster to change it once more.
  if (!written.object || written.object->revision() != result.revision)
    written.object = TRY(cache_.object_of(
        collection, {.key = key, .value = transaction.operations.back().value, .modified = result.revision}));
  return written;
}

Answer<Written> ObjectStorage::put(const Collection& collection, std::string_view path,
                                   store::Revision expected, std::string_view text, const AlsoWritten& also) {
  const std::string key = collection.key_of(path);
  const ValueTransformer* transformer = cache_.transformer();
  SharedBytes value = transformer != nullptr && transformer->is_for(collection.stored_as())
                          ? SharedBytes(TRY(transformer->to_store(collection.stored_as(), key, text)))
                          : SharedBytes(text);
  // Another error of the store's that says the same is a full disk.
  if (key.size() + value.size() > store::kMaxValue)
    return too_large(fmt::format("the object is {} bytes large, and the store takes at most {}", value.size(),
                                 store::kMaxValue - key.size()));
  const store::LeaseId lease = also.time_to_live.count() == 0 ? 0 : TRY(leases_.lease(also.time_to_live));
  return commit(collection, path, expected, store::Operation::put(key, std::move(value), lease), also);
}

Answer<Written> ObjectStorage::remove(const Collection& collection, std::string_view path,
                                      store::Revision expected, const AlsoWritten& also) {
  const ObjectRef before = collection.find(path);
  Written written =
      TRY(commit(collection, path, expected, store::Operation::remove(collection.key_of(path)), also));
  if (written.is_done && before && before->revision() == expected) written.object = before;
  return written;
}

}  // namespace gantry::kube
