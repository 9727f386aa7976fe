// SPDX-License-Identifier: Apache-2.0
#include "store/etcd/etcd_store.h"

#include <etcd.pb.h>

#include <algorithm>
#include <utility>

#include "store/etcd/etcd_watch.h"
#include "store/etcd/key_value.h"
#include "store/etcd/message.h"

namespace gantry::store {

using Repeatable = EtcdClient::Repeatable;
using std::chrono::steady_clock;

// A message may have 16 MiB, and a value 1.5: ranges come in parts.
static constexpr std::size_t kPart = 500;
static constexpr std::size_t kSmallPart = 8;

template <class Answer, class Request>
static Result<Answer> ask(EtcdClient& client, std::string_view method, const Request& request,
                          Repeatable repeatable) {
  return parse<Answer>(TRY(client.ask(method, request.SerializeAsString(), repeatable)), method);
}

Result<std::unique_ptr<EtcdStore>> EtcdStore::open(EtcdOptions options) {
  std::unique_ptr<EtcdClient> client = TRY(EtcdClient::make(std::move(options)));
  std::unique_ptr<EtcdStore> store(new EtcdStore(std::move(client)));
  TRY(store->get("health"));  // any key will do
  return store;
}

// ---- Reading

static pb::RangeRequest to_message(const RangeRequest& request, const KeyRange& keys, std::size_t limit) {
  pb::RangeRequest message;
  message.set_key(first_of(keys));
  message.set_range_end(end_of(keys));
  message.set_limit(static_cast<std::int64_t>(limit));
  message.set_revision(request.at);
  message.set_keys_only(request.keys_only);
  message.set_count_only(request.count_only);
  return message;
}

Result<RangeResult> EtcdStore::range(const RangeRequest& wanted) {
  RangeRequest request = wanted;
  RangeResult result;
  std::size_t part = kPart;
  for (;;) {
    const std::size_t left = request.limit == 0 ? part : std::min(part, request.limit - result.items.size());
    auto answer = ask<pb::RangeResponse>(*client_, "/etcdserverpb.KV/Range",
                                         to_message(request, request.keys, left), Repeatable::Yes);
    if (!answer && answer.error().code() == Code::ResourceExhausted && part > kSmallPart) {
      part = kSmallPart;  // large values
      continue;
    }
    const pb::RangeResponse response = TRY(std::move(answer));
    if (result.revision == 0) {
      result.revision = response.header().revision();
      result.count = static_cast<std::size_t>(response.count());
      // All parts show the same moment.
      if (request.at == 0) request.at = result.revision;
    }
    for (const pb::KeyValue& item : response.kvs()) result.items.push_back(to_key_value(item));
    const bool is_enough = request.limit != 0 && result.items.size() >= request.limit;
    if (!response.more() || is_enough || response.kvs().empty()) return result;
    request.keys.first = result.items.back().key + '\0';
  }
}

// ---- Writing

static pb::Compare to_message(const Condition& condition) {
  pb::Compare compare;
  compare.set_key(condition.key);
  if (condition.kind == Condition::Kind::Absent) {
    compare.set_target(1);
    compare.set_create_revision(0);
  } else {
    compare.set_target(2);
    compare.set_mod_revision(condition.revision);
  }
  return compare;
}

static pb::RequestOp to_message(const Operation& operation) {
  pb::RequestOp message;
  if (operation.kind == Operation::Kind::Put) {
    pb::PutRequest& put = *message.mutable_request_put();
    put.set_key(operation.key);
    put.set_value(std::string(operation.value.view()));
    put.set_lease(operation.lease);
  } else {
    message.mutable_request_delete_range()->set_key(operation.key);
  }
  return message;
}

static std::optional<KeyValue> current_of(const pb::ResponseOp& response) {
  const auto& items = response.response_range().kvs();
  if (items.empty()) return std::nullopt;
  return to_key_value(items[0]);
}

Result<CommitResult> EtcdStore::commit(const Transaction& transaction) {
  TRY(check(transaction));
  pb::TxnRequest request;
  for (const Condition& condition : transaction.conditions) {
    // Without a revision the condition holds for no key that is there, and etcd would take 0 for "not there".
    if (condition.kind == Condition::Kind::ModifiedAt && condition.revision <= 0)
      return error(Code::InvalidArgument, "'{}' cannot have been modified at revision {}", condition.key,
                   condition.revision);
    *request.add_compare() = to_message(condition);
    request.add_failure()->mutable_request_range()->set_key(condition.key);
  }
  for (const Operation& operation : transaction.operations) *request.add_success() = to_message(operation);
  const auto response = TRY(ask<pb::TxnResponse>(*client_, "/etcdserverpb.KV/Txn", request, Repeatable::No));
  CommitResult result{
      .committed = response.succeeded(), .revision = response.header().revision(), .current = {}};
  if (!result.committed)
    for (const pb::ResponseOp& found : response.responses()) result.current.push_back(current_of(found));
  return result;
}

// ---- Watching and forgetting

Result<std::unique_ptr<Watch>> EtcdStore::watch(const KeyRange& keys, Revision after, WatchSink& sink) {
  return std::make_unique<EtcdWatch>(*client_, keys, after, sink);
}

Result<void> EtcdStore::compact(Revision revision) {
  pb::CompactionRequest request;
  request.set_revision(revision);
  TRY(ask<pb::CompactionResponse>(*client_, "/etcdserverpb.KV/Compact", request, Repeatable::No));
  return {};
}

// ---- Leases

Result<LeaseId> EtcdStore::grant(std::chrono::seconds time) {
  if (time <= std::chrono::seconds::zero())
    return error(Code::InvalidArgument, "a lease needs a time of at least one second");
  pb::LeaseGrantRequest request;
  request.set_ttl(time.count());
  // One too many ends by itself.
  return TRY(ask<pb::LeaseGrantResponse>(*client_, "/etcdserverpb.Lease/LeaseGrant", request,
                                         Repeatable::Yes))
      .id();
}

Result<void> EtcdStore::renew(LeaseId lease) {
  pb::LeaseKeepAliveRequest request;
  request.set_id(lease);
  EtcdClient::Session session = TRY(client_->begin("/etcdserverpb.Lease/LeaseKeepAlive"));
  session.call.set_deadline(steady_clock::now() + client_->patience());
  TRY(session.call.write(request.SerializeAsString()));
  TRY(session.call.finish_writing());
  const std::optional<std::string> answer = TRY(session.call.read());
  if (!answer) return error(Code::Unavailable, "etcd has not answered the renewal of lease {:x}", lease);
  if (TRY(parse<pb::LeaseKeepAliveResponse>(*answer, "LeaseKeepAlive")).ttl() <= 0)
    return error(Code::NotFound, "there is no lease {:x}", lease);
  return {};
}

Result<void> EtcdStore::revoke(LeaseId lease) {
  pb::LeaseRevokeRequest request;
  request.set_id(lease);
  TRY(ask<pb::LeaseRevokeResponse>(*client_, "/etcdserverpb.Lease/LeaseRevoke", request, Repeatable::No));
  return {};
}

}  // namespace gantry::store
