// SPDX-License-Identifier: Apache-2.0
//
// One watch of an etcd cluster: a thread that reads it, and goes on at another member, without a gap, when
// its own is lost.
#pragma once

#include <optional>
#include <thread>

#include "base/mutex.h"
#include "store/etcd/etcd_client.h"
#include "store/store.h"

namespace gantry::store {

class EtcdWatch final : public Watch {
 public:
  // Client and sink outlive it.
  EtcdWatch(EtcdClient& client, KeyRange keys, Revision after, WatchSink& sink);
  ~EtcdWatch() override;

 private:
  void work();
  Error follow();
  Result<void> open();
  Result<void> take(std::string_view message);
  void leave_member();
  // False: it is over.
  bool rest(std::chrono::milliseconds time);

  EtcdClient& client_;
  const KeyRange keys_;
  WatchSink& sink_;
  // Of the thread.
  Revision after_;             // what is told already
  bool was_accepted_ = false;  // etcd has begun the watch that it was asked for last

  Mutex mutex_;  // guards what follows
  std::optional<EtcdClient::Session> session_ GUARDED_BY(mutex_);
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  CondVar stopped_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace gantry::store
