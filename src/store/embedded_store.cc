// SPDX-License-Identifier: Apache-2.0
#include "store/embedded_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <charconv>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/random.h"
#include "database/copy.h"

namespace gantry::store {

using std::chrono::steady_clock;

// Changes that one turn forgets or reads: readers and writers wait for a turn, not for all of it.
static constexpr std::size_t kTurn = 500;

// ---- Leases that end by themselves

// A thread that waits for the next end of a lease.
class EmbeddedStore::LeaseKeeper {
 public:
  explicit LeaseKeeper(EmbeddedStore& store) : store_(store), thread_([this] { work(); }) {}
  ~LeaseKeeper() {
    {
      MutexLock lock(store_.mutex_);
      is_stopping_ = true;
      changed_.notify_one();
    }
    thread_.join();
  }
  void look_again() { changed_.notify_one(); }

 private:
  void work() {
    MutexLock lock(store_.mutex_);
    while (!is_stopping_) {
      const auto ended = store_.leases_.ended(steady_clock::now());
      if (ended.empty()) {
        // Without a lease it sleeps until there is one.
        if (const auto next = store_.leases_.next_end())
          changed_.wait_until(store_.mutex_, *next);
        else
          changed_.wait(store_.mutex_);
        continue;
      }
      lock.unlock();
      // What fails (a full disk) is tried again a little later.
      for (const LeaseId lease : ended) (void)store_.end_lease(lease);
      lock.lock();
    }
  }

  EmbeddedStore& store_;
  bool is_stopping_ = false;  // guarded by the store's mutex
  CondVar changed_;
  std::thread thread_;
};

// ---- Opening

static Result<UniqueFd> claim(const std::string& path) {
  UniqueFd fd = TRY(open_at(AT_FDCWD, path + ".claim", O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK) return error(Code::Conflict, "store '{}' is in use by another process", path);
    return sys_error("lock '{}.claim'", path);
  }
  return fd;
}

EmbeddedStore::EmbeddedStore(std::string path, ChangeLog log, UniqueFd claim, const ChangeLog::Start& start)
    : path_(std::move(path)),
      log_(std::move(log)),
      claim_(std::move(claim)),
      hub_(start.revision),
      revision_(start.revision),
      compacted_(start.compacted) {}

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(const std::string& path) {
  UniqueFd claimed = TRY(claim(path));
  ChangeLog log = TRY(ChangeLog::open(path));
  KeyIndex index;
  const ChangeLog::Start start =
      TRY(log.load([&](const std::string& key, const Change& change) { index.apply(key, change); }));
  LeaseTable leases;
  for (const LoggedLease& lease : start.leases)
    leases.add(lease.id, std::chrono::seconds(lease.seconds), steady_clock::now());
  index.visit(KeyRange::all(), start.revision, [&](const std::string& key, const Change& change) {
    leases.move(key, 0, change.lease);
    return true;
  });
  std::unique_ptr<EmbeddedStore> store(new EmbeddedStore(path, std::move(log), std::move(claimed), start));
  {
    MutexLock lock(store->mutex_);
    store->index_ = std::move(index);
    store->leases_ = std::move(leases);
  }
  // The last life may have ended in the middle of it.
  TRY(store->forget_compacted(start.compacted));
  store->keeper_ = std::make_unique<LeaseKeeper>(*store);
  return store;
}

EmbeddedStore::~EmbeddedStore() = default;

Result<void> EmbeddedStore::save_snapshot(const std::string& path) const {
  return database::save_copy(path_, path);
}

// ---- Reading

struct EmbeddedStore::Found {
  RangeResult result;  // without values
  std::vector<ChangeId> ids;
};

Result<void> EmbeddedStore::check_revision(Revision revision) const {
  if (revision > revision_)
    return error(Code::InvalidArgument, "revision {} is in the future: the store is at {}", revision,
                 revision_);
  return check_not_compacted_locked(revision);
}

Result<void> EmbeddedStore::check_not_compacted(Revision revision) const {
  MutexLock lock(mutex_);
  return check_not_compacted_locked(revision);
}

Result<void> EmbeddedStore::check_not_compacted_locked(Revision revision) const {
  if (revision < compacted_)
    return error(Code::Conflict, "revision {} is compacted: the oldest is {}", revision, compacted_);
  return {};
}

Result<EmbeddedStore::Found> EmbeddedStore::find(const RangeRequest& request) {
  MutexLock lock(mutex_);
  Found found;
  found.result.revision = revision_;
  const Revision at = request.at == 0 ? revision_ : request.at;
  TRY(check_revision(at));
  index_.visit(request.keys, at, [&](const std::string& key, const Change& change) {
    ++found.result.count;
    const bool is_wanted = request.limit == 0 || found.result.items.size() < request.limit;
    if (is_wanted && !request.count_only) {
      found.result.items.push_back(LoggedChange{key, change, {}}.to_key_value());
      found.ids.push_back(change.id);
    }
    return true;
  });
  return found;
}

Result<RangeResult> EmbeddedStore::range(const RangeRequest& request) {
  for (;;) {
    Found found = TRY(find(request));
    if (request.keys_only || found.ids.empty()) return std::move(found.result);
    const auto values = TRY(log_.values(found.ids));
    const bool is_whole = std::ranges::all_of(values, [](const auto& value) { return value.has_value(); });
    if (!is_whole) continue;  // a compaction was faster
    for (std::size_t i = 0; i < values.size(); ++i) found.result.items[i].value = *values[i];
    return std::move(found.result);
  }
}

// ---- Writing

struct EmbeddedStore::Request {
  const Transaction& transaction;
  std::optional<Result<CommitResult>> answer;
};

Result<CommitResult> EmbeddedStore::commit(const Transaction& transaction) {
  TRY(check(transaction));
  CommitResult result = TRY(submit(transaction));
  if (!result.committed)
    for (const Condition& condition : transaction.conditions)
      result.current.push_back(TRY(get(condition.key)));
  return result;
}

Result<CommitResult> EmbeddedStore::submit(const Transaction& transaction) {
  Request mine{.transaction = transaction, .answer = {}};
  writes_.run(mine, [this](std::span<Request* const> all) {
    std::vector<Result<CommitResult>> answers = write(all);
    for (std::size_t i = 0; i < all.size(); ++i) all[i]->answer.emplace(std::move(answers[i]));
  });
  return *std::move(mine.answer);
}

static Error copy_of(const Error& error) { return Error(error.code(), error.errno_value(), error.message()); }

// Answers what each of them is told.
std::vector<Result<CommitResult>> EmbeddedStore::write(std::span<Request* const> requests) {
  MutexLock lock(mutex_);
  CommitBatch batch(index_, leases_, revision_);
  std::vector<Result<CommitResult>> answers;
  for (const Request* request : requests) answers.push_back(batch.add(request->transaction));
  lock.unlock();
  if (batch.changes().empty()) return answers;

  if (const Result<void> appended = log_.append(batch.changes()); !appended) {
    answers.clear();
    for (std::size_t i = 0; i < requests.size(); ++i) answers.emplace_back(copy_of(appended.error()));
    return answers;
  }
  std::vector<Event> events;
  for (const LoggedChange& logged : batch.changes()) events.push_back(logged.to_key_value());
  lock.lock();
  for (const LoggedChange& logged : batch.changes()) apply(logged);
  revision_ = batch.revision();
  lock.unlock();
  hub_.publish(events);
  return answers;
}

void EmbeddedStore::apply(const LoggedChange& logged) {
  const Change* before = index_.find(logged.key);
  leases_.move(logged.key, before != nullptr ? before->lease : 0, logged.change.lease);
  index_.apply(logged.key, logged.change);
}

// ---- Watching

Result<std::unique_ptr<Watch>> EmbeddedStore::watch(const KeyRange& keys, Revision after, WatchSink& sink) {
  TRY(check_not_compacted(after));
  for (;;) {
    if (std::unique_ptr<Watch> watch = hub_.add(keys, after, sink)) return watch;
    // Older than what the hub keeps: the file has it.
    const std::vector<LoggedChange> changes = TRY(log_.changes_after(after, kTurn));
    // Behind the look into the file: what was there then is all there was.
    TRY(check_not_compacted(after));
    std::vector<Event> events;
    for (const LoggedChange& logged : changes)
      if (keys.contains(logged.key)) events.push_back(logged.to_key_value());
    if (!events.empty()) sink.on_events(events);
    if (!changes.empty()) after = changes.back().change.revision();
  }
}

// ---- Compaction

Result<void> EmbeddedStore::compact(Revision revision) {
  MutexLock one_at_a_time(compaction_mutex_);
  MutexLock lock(mutex_);
  if (revision <= compacted_)
    return error(Code::Conflict, "revision {} is compacted already: the oldest is {}", revision, compacted_);
  TRY(check_revision(revision));
  const Revision now = revision_;
  lock.unlock();
  // On disk first: what is refused once is never answered again.
  TRY(log_.set_compacted(revision, now));
  lock.lock();
  compacted_ = revision;
  lock.unlock();
  return forget_compacted(revision);
}

Result<void> EmbeddedStore::forget_compacted(Revision revision) {
  for (;;) {
    MutexLock lock(mutex_);
    const std::vector<ChangeId> forgotten = index_.compact(revision, kTurn);
    lock.unlock();
    if (forgotten.empty()) return {};
    TRY(log_.forget(forgotten));
  }
}

// ---- Leases

// Positive: clients show them as unsigned.
static LeaseId new_lease_id() {
  const std::string digits = random_hex(8);
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return static_cast<LeaseId>(number >> 1) | 1;
}

Result<LeaseId> EmbeddedStore::grant(std::chrono::seconds time) {
  if (time <= std::chrono::seconds::zero())
    return error(Code::InvalidArgument, "a lease needs a time of at least one second");
  const LeaseId lease = new_lease_id();
  TRY(log_.add_lease({.id = lease, .seconds = time.count()}));
  MutexLock lock(mutex_);
  leases_.add(lease, time, steady_clock::now());
  keeper_->look_again();
  return lease;
}

static Error no_such_lease(LeaseId lease) { return error(Code::NotFound, "there is no lease {:x}", lease); }

Result<void> EmbeddedStore::renew(LeaseId lease) {
  MutexLock lock(mutex_);
  if (!leases_.renew(lease, steady_clock::now())) return no_such_lease(lease);
  return {};
}

Result<void> EmbeddedStore::revoke(LeaseId lease) {
  {
    MutexLock lock(mutex_);
    if (!leases_.is_usable(lease)) return no_such_lease(lease);
  }
  return end_lease(lease);
}

// At most so many keys at once as a transaction takes, and only those that have not changed since.
Transaction EmbeddedStore::deletion_of_keys(LeaseId lease) const {
  MutexLock lock(mutex_);
  Transaction deletion;
  for (const std::string& key : leases_.keys_of(lease)) {
    if (deletion.operations.size() == kMaxOperations) break;
    deletion.conditions.push_back(Condition::modified_at(key, index_.find(key)->revision()));
    deletion.operations.push_back(Operation::remove(key));
  }
  return deletion;
}

Result<void> EmbeddedStore::end_lease(LeaseId lease) {
  {
    MutexLock lock(mutex_);
    if (!leases_.begin_end(lease, steady_clock::now() + std::chrono::seconds(1))) return {};
  }
  // Whoever may still have put something on it when it began to end has done so after this.
  TRY(submit({}));
  for (;;) {
    const Transaction deletion = deletion_of_keys(lease);
    if (deletion.operations.empty()) break;
    TRY(submit(deletion));
  }
  TRY(log_.remove_lease(lease));
  MutexLock lock(mutex_);
  leases_.remove(lease);
  return {};
}

}  // namespace gantry::store
