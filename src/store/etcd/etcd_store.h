// SPDX-License-Identifier: Apache-2.0
//
// A store in an etcd cluster, 3.4 to 3.6 (https://etcd.io/docs/v3.5/learning/api/). Every read is
// linearizable: it sees what anybody was told to be done. Members may come and go.
#pragma once

#include <memory>

#include "store/etcd/etcd_client.h"
#include "store/store.h"

namespace gantry::store {

class EtcdStore final : public Store {
 public:
  // Unavailable: no member answers.
  static Result<std::unique_ptr<EtcdStore>> open(EtcdOptions options);

  Result<RangeResult> range(const RangeRequest& request) override;
  Result<CommitResult> commit(const Transaction& transaction) override;
  Result<std::unique_ptr<Watch>> watch(const KeyRange& keys, Revision after, WatchSink& sink) override;
  Result<void> compact(Revision revision) override;
  Result<LeaseId> grant(std::chrono::seconds time) override;
  Result<void> renew(LeaseId lease) override;
  Result<void> revoke(LeaseId lease) override;

 private:
  explicit EtcdStore(std::unique_ptr<EtcdClient> client) : client_(std::move(client)) {}
  const std::unique_ptr<EtcdClient> client_;
};

}  // namespace gantry::store
