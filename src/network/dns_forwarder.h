// SPDX-License-Identifier: Apache-2.0
//
// Passes questions on to a set of name servers, remembers the answers, and asks only once what several want
// to know at the same time. Belongs to one event loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "network/dns_cache.h"
#include "network/dns_message.h"
#include "network/dns_upstream.h"

namespace gantry::network {

// Somebody who waits for an answer, and may go away before it comes.
struct DnsClient {
  virtual ~DnsClient() = default;
  // `to` is what it gave with the question.
  virtual void reply(const sockaddr_in& to, std::string_view message) = 0;
};

struct DnsReplyTo {
  std::weak_ptr<DnsClient> client;
  sockaddr_in peer{};
  std::size_t limit = kLeastUdpAnswer;  // bytes
  // Counts the client's open questions; it is not answered above a limit.
  std::shared_ptr<int> open_questions;
};

struct DnsForwarderOptions {
  UniqueFd network_namespace;  // where the servers are asked from; empty: this process's
  std::uint16_t port = 53;     // of the servers
  std::size_t cache_bytes = 4 << 20;
};

class DnsForwarder final : private DnsExchange::Owner {
 public:
  DnsForwarder(EventLoop& loop, DnsForwarderOptions options)
      : loop_(loop), options_(std::move(options)), cache_(options_.cache_bytes) {}

  // In the place of those it had; what was answered by others is forgotten. The error of the first address
  // that is none; the others are used.
  Result<void> set_servers(const std::vector<std::string>& addresses);

  // The answer if it is remembered. Otherwise nothing, and it is sent to `reply_to` when it has come; a
  // failure is an answer as well.
  std::optional<std::string> ask(const DnsQuery& query, const DnsReplyTo& reply_to);

 private:
  struct Waiter {
    DnsQuery query;
    DnsReplyTo reply_to;
  };
  struct Question {
    std::unique_ptr<DnsExchange> exchange;
    std::vector<Waiter> waiters;
    unsigned generation = 0;  // of the servers it was asked of
  };

  void on_outcome(DnsExchange& exchange, DnsExchange::Outcome outcome) override;
  bool may_wait(const DnsReplyTo& reply_to, const std::string& key) const;

  EventLoop& loop_;
  const DnsForwarderOptions options_;
  DnsServers servers_;
  unsigned generation_ = 0;  // of servers_
  DnsCache cache_;
  std::map<std::string, Question> questions_;  // by DnsCache::key_of
};

}  // namespace gantry::network
