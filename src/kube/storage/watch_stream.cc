// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/watch_stream.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/random.h"
#include "kube/storage/object_cache.h"

namespace gantry::kube {

static constexpr std::chrono::seconds kBookmarkPeriod{60};
// How many changes are fetched under one lock.
static constexpr std::size_t kTurn = 64;

// ---- Frames

const SharedBytes& frame_head(WatchEvent::Type type) {
  static const SharedBytes kHeads[] = {
      SharedBytes(R"({"type":"ADDED","object":)"), SharedBytes(R"({"type":"MODIFIED","object":)"),
      SharedBytes(R"({"type":"DELETED","object":)"), SharedBytes(R"({"type":"BOOKMARK","object":)"),
      SharedBytes(R"({"type":"ERROR","object":)")};
  return kHeads[static_cast<std::size_t>(type)];
}

const SharedBytes& frame_tail() {
  static const SharedBytes kTail("}\n");
  return kTail;
}

static SharedBytes bookmark(const WatchOptions& options, store::Revision revision, bool is_end_of_initial) {
  json::Writer writer;
  writer.begin_object().key("kind").value(options.kind).key("apiVersion").value(options.api_version);
  writer.key("metadata").begin_object().key("resourceVersion").value(std::to_string(revision));
  writer.key("creationTimestamp").null();
  if (is_end_of_initial)
    writer.key("annotations").begin_object().key("k8s.io/initial-events-end").value("true").end_object();
  writer.end_object().end_object();
  return SharedBytes(std::move(writer).text());
}

static Status too_old(store::Revision revision) {
  return gone(fmt::format("too old resource version: {}", revision));
}

// ---- Beginning

WatchStream::WatchStream(const ObjectCache& cache, Collection& collection, WatchOptions options)
    : cache_(cache),
      collection_(collection),
      missed_(std::move(options.missed)),
      options_(std::move(options)) {
  const Time now = std::chrono::steady_clock::now();
  over_at_ = options_.time.count() == 0 ? Time::max() : now + options_.time;
  // Not all of them at the same time, when all of them have come at the same time.
  std::byte spread{};
  fill_random(std::span(&spread, 1));
  next_bookmark_ = options_.has_bookmarks
                       ? now + kBookmarkPeriod - std::chrono::milliseconds(50 * static_cast<int>(spread))
                       : Time::max();
  collection_.add(*this);
  cache_.begin_ticking();
}

WatchStream::~WatchStream() { collection_.remove(*this); }

Answer<std::unique_ptr<WatchStream>> WatchStream::open(const ObjectCache& cache, Collection& collection,
                                                       WatchOptions options) {
  std::unique_ptr<WatchStream> stream(new WatchStream(cache, collection, std::move(options)));
  TRY(stream->begin());
  return stream;
}

// Nobody tells it anything yet: it does not wait.
Answer<void> WatchStream::begin() {
  if (options_.after && !options_.sends_initial) {
    const auto next = collection_.changes_after(std::max(*options_.after, options_.missed_until));
    if (!next) return too_old(*options_.after);
    next_ = *next;
    seen_ = *options_.after;
    return {};
  }
  const store::Revision known = cache_.revision();
  Collection::Snapshot now =
      options_.sends_initial ? collection_.snapshot_for(options_.selection) : collection_.snapshot();
  next_ = now.sequence;
  seen_ = std::max(known, now.changed);
  if (options_.sends_initial) initial_.emplace(std::move(now.objects), options_.selection);
  return {};
}

// ---- Taking

bool WatchStream::concerns(const Change& change) const {
  const Selection& selection = options_.selection;
  if (change.before && selection.matches(*change.before)) return true;
  return change.kind != Change::Kind::Deleted && selection.matches(*change.object);
}

// What one take() adds.
class WatchStream::Taking {
 public:
  Taking(WatchStream& stream, std::vector<WatchEvent>& events, std::size_t bytes)
      : stream_(stream), events_(events), bytes_(bytes) {}

  bool is_enough() const { return taken_ >= bytes_; }
  bool has_nothing() const { return taken_ == 0; }

  void add(WatchEvent::Type type, SharedBytes object) {
    taken_ += object.size() + 1;
    events_.push_back({.type = type, .object = std::move(object)});
  }

  void add_initial() {
    while (!is_enough()) {
      const ObjectRef* object = stream_.initial_->next();
      if (object == nullptr) return end_initial();
      add(WatchEvent::Type::Added, (*object)->json());
    }
  }

  // As a client sees it who sees only what is selected.
  void add_change(const Change& change) {
    if (change.revision() <= stream_.seen_) return;
    const Selection& selection = stream_.options_.selection;
    const bool was = change.before && selection.matches(*change.before);
    const bool is = change.kind != Change::Kind::Deleted && selection.matches(*change.object);
    if (is) {
      add(was ? WatchEvent::Type::Modified : WatchEvent::Type::Added, change.object->json());
      if (was && stream_.options_.show) events_.back().before = change.before->json();
    } else if (was) {
      add(WatchEvent::Type::Deleted,
          change.kind == Change::Kind::Deleted ? change.object->json() : change.left());
    }
  }

  // Of before the collection remembers. Whether that was all of it.
  bool add_missed() {
    std::vector<ChangeRef>& missed = stream_.missed_;
    std::size_t count = 0;
    for (; count < missed.size() && !is_enough(); ++count) add_change(*missed[count]);
    missed.erase(missed.begin(), missed.begin() + static_cast<std::ptrdiff_t>(count));
    if (!missed.empty()) return false;
    missed.shrink_to_fit();
    return true;
  }

  // False: some of them are forgotten.
  bool add_changes() {
    while (!is_enough()) {
      const store::Revision known = stream_.cache_.revision();
      const auto changes = stream_.collection_.changes_from(stream_.next_, kTurn);
      if (!changes) return false;
      for (std::size_t i = 0; i < changes->size() && !is_enough(); ++i, ++stream_.next_) {
        add_change(*(*changes)[i]);
        stream_.seen_ = std::max(stream_.seen_, (*changes)[i]->revision());
      }
      if (!changes->empty()) continue;
      stream_.seen_ = std::max(stream_.seen_, known);
      break;
    }
    return true;
  }

 private:
  void end_initial() {
    stream_.collection_.learn_from(*stream_.initial_);
    stream_.initial_.reset();
    if (stream_.options_.marks_end_of_initial)
      add(WatchEvent::Type::Bookmark, bookmark(stream_.options_, stream_.seen_, true));
  }

  WatchStream& stream_;
  std::vector<WatchEvent>& events_;
  const std::size_t bytes_;
  std::size_t taken_ = 0;
};

WatchStream::State WatchStream::take(std::vector<WatchEvent>& events, std::size_t bytes) {
  return options_.show ? collect_shown(events, bytes) : collect(events, bytes);
}

// Who is given nothing waits to be woken, so it goes on until something is left, or there is nothing more.
WatchStream::State WatchStream::collect_shown(std::vector<WatchEvent>& events, std::size_t bytes) {
  std::vector<WatchEvent> taken;
  for (;;) {
    const State state = collect(taken, bytes);
    if (taken.empty()) return state;
    if (const auto shown = options_.show(taken); !shown) {
      events.push_back({WatchEvent::Type::Error, SharedBytes(shown.error().to_tree().to_text())});
      has_ended_ = true;
      return State::Ended;
    }
    const bool is_something = !taken.empty();
    std::ranges::move(taken, std::back_inserter(events));
    if (is_something || state == State::Ended) return state;
  }
}

WatchStream::State WatchStream::collect(std::vector<WatchEvent>& events, std::size_t bytes) {
  if (has_ended_) return State::Ended;
  Taking taking(*this, events, bytes);
  do {
    bool is_over = false;
    bool is_bookmark_due = false;
    {
      MutexLock lock(collection_.watches_mutex_);
      // What was told while it waited was of no concern.
      if (std::exchange(is_waiting_, false)) next_ = std::max(next_, collection_.told_);
      is_over = is_over_;
      is_bookmark_due = std::exchange(is_bookmark_due_, false);
    }
    if (initial_) taking.add_initial();
    if (initial_ || !taking.add_missed()) return State::Open;
    if (!taking.add_changes()) {
      taking.add(WatchEvent::Type::Error, SharedBytes(too_old(seen_).to_tree().to_text()));
      has_ended_ = true;
      return State::Ended;
    }
    // Who goes on elsewhere knows from where.
    is_bookmark_due |= is_over && options_.has_bookmarks;
    if (is_bookmark_due && !taking.is_enough())
      taking.add(WatchEvent::Type::Bookmark, bookmark(options_, seen_, false));
    if (is_over) {
      has_ended_ = true;
      return State::Ended;
    }
  } while (taking.has_nothing() && !rest());
  return State::Open;
}

// False: something has happened since it was looked.
bool WatchStream::rest() {
  MutexLock lock(collection_.watches_mutex_);
  if (collection_.told_ > next_ || is_over_ || is_bookmark_due_) return false;
  is_waiting_ = true;
  return true;
}

// ---- Being told

void WatchStream::wake_up(History::Sequence next) {
  if (!is_waiting_) return;
  is_waiting_ = false;
  next_ = std::max(next_, next);
  if (wake_) wake_();
}

void WatchStream::look_at_time(Time now, History::Sequence told) {
  if (now >= over_at_) is_over_ = true;
  if (now >= next_bookmark_) {
    is_bookmark_due_ = true;
    next_bookmark_ += kBookmarkPeriod;
  }
  if (is_over_ || is_bookmark_due_) wake_up(told);
}

}  // namespace gantry::kube
