// SPDX-License-Identifier: Apache-2.0
#include "store/etcd/etcd_watch.h"

#include <etcd.pb.h>

#include <algorithm>
#include <utility>

#include "store/etcd/key_value.h"
#include "store/etcd/message.h"

namespace gantry::store {

using namespace std::chrono_literals;

EtcdWatch::EtcdWatch(EtcdClient& client, KeyRange keys, Revision after, WatchSink& sink)
    : client_(client), keys_(std::move(keys)), sink_(sink), after_(after), thread_([this] { work(); }) {}

EtcdWatch::~EtcdWatch() {
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    if (session_) session_->call.cancel();
    stopped_.notify_one();
  }
  thread_.join();
}

void EtcdWatch::work() {
  auto pause = 0ms;
  bool has_logged_in_again = false;
  do {
    const Revision before = after_;
    const Error why = follow();
    if (was_accepted_) has_logged_in_again = false;
    // etcd 3.4 says the same of a token that has ended and of a user who may not.
    if (why.code() == Code::PermissionDenied && !std::exchange(has_logged_in_again, true)) {
      leave_member();
      pause = 0ms;
      continue;
    }
    if (why.code() == Code::Conflict || why.code() == Code::PermissionDenied) {
      MutexLock lock(mutex_);
      if (!is_stopping_) {
        lock.unlock();
        sink_.on_end(why);
      }
      return;
    }
    // A cluster without a leader comes back; whoever hears nothing asks less and less often.
    pause = after_ != before ? 0ms : std::min<std::chrono::milliseconds>(pause + 50ms, 2s);
  } while (rest(pause));
}

void EtcdWatch::leave_member() {
  std::shared_ptr<http::Http2Connection> connection;
  {
    MutexLock lock(mutex_);
    if (session_) connection = session_->connection;
  }
  if (connection) client_.leave(connection);
}

bool EtcdWatch::rest(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  MutexLock lock(mutex_);
  session_.reset();
  while (!is_stopping_ && std::chrono::steady_clock::now() < end) stopped_.wait_until(mutex_, end);
  return !is_stopping_;
}

Result<void> EtcdWatch::open() {
  pb::WatchRequest request;
  pb::WatchCreateRequest& create = *request.mutable_create_request();
  create.set_key(first_of(keys_));
  create.set_range_end(end_of(keys_));
  create.set_start_revision(after_ + 1);
  create.set_progress_notify(true);
  EtcdClient::Session session = TRY(client_.begin("/etcdserverpb.Watch/Watch"));
  TRY(session.call.write(request.SerializeAsString()));
  MutexLock lock(mutex_);
  if (is_stopping_) return error(Code::Unavailable, "the watch is over");
  session_.emplace(std::move(session));
  return {};
}

// Until the stream ends, for the reason that is answered.
Error EtcdWatch::follow() {
  was_accepted_ = false;
  if (Result<void> opened = open(); !opened) return std::move(opened).error();
  // Only this thread sets and resets it.
  grpc::ClientCall& call = [this]()
                               NO_THREAD_SAFETY_ANALYSIS -> grpc::ClientCall& { return session_->call; }();
  for (;;) {
    Result<std::optional<std::string>> message = call.read();
    if (!message) {
      Error failure = std::move(message).error();
      // What the connection says is about it, not about the revision.
      const bool is_refused = failure.code() == Code::PermissionDenied;
      return is_refused ? std::move(failure) : std::move(failure).with_code(Code::Unavailable);
    }
    if (!*message) return error(Code::Unavailable, "etcd has ended the watch");
    if (Result<void> taken = take(**message); !taken) return std::move(taken).error();
  }
}

Result<void> EtcdWatch::take(std::string_view message) {
  const auto response = TRY(parse<pb::WatchResponse>(message, "Watch"));
  if (response.compact_revision() > after_)
    return error(Code::Conflict, "revision {} is compacted: the oldest is {}", after_,
                 response.compact_revision());
  if (response.canceled()) {
    const std::string& why = response.cancel_reason();
    const bool is_login = why.contains("permission denied") || why.contains("invalid auth token");
    return error(is_login ? Code::PermissionDenied : Code::Unavailable, "etcd has cancelled the watch: {}",
                 why);
  }
  was_accepted_ = true;
  std::vector<Event> events;
  for (const pb::Event& event : response.events()) {
    events.push_back(to_key_value(event.kv()));
    after_ = events.back().modified;
  }
  if (!events.empty())
    sink_.on_events(events);
  else if (!response.created())
    after_ = std::max(after_, response.header().revision());  // nothing has happened up to there
  return {};
}

}  // namespace gantry::store
