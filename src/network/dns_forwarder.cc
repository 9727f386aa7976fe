// SPDX-License-Identifier: Apache-2.0
#include "network/dns_forwarder.h"

#include <utility>

namespace gantry::network {
namespace {

using std::chrono::steady_clock;

// One container that asks without end must neither fill our memory nor keep the others from asking.
constexpr int kMostOpenOfClient = 256;
constexpr std::size_t kMostOpen = 4096;

std::string failure(const DnsQuery& query) {
  return DnsAnswer(query, ResponseCode::ServerFailure).finish(kLeastUdpAnswer);
}

std::string adopted(std::string message, const DnsQuery& query, std::size_t limit) {
  adopt_response(message, query);
  cut_response(message, query, limit);
  return message;
}

}  // namespace

Result<void> DnsForwarder::set_servers(const std::vector<std::string>& addresses) {
  servers_.clear();
  ++generation_;
  cache_.clear();
  std::optional<Error> first;
  for (const std::string& address : addresses) {
    auto server = DnsServer::make(address, options_.port);
    if (server)
      servers_.push_back(*std::move(server));
    else if (!first)
      first = std::move(server).error();
  }
  if (first) return *std::move(first);
  return {};
}

bool DnsForwarder::may_wait(const DnsReplyTo& reply_to, const std::string& key) const {
  return !servers_.empty() && *reply_to.open_questions < kMostOpenOfClient &&
         (questions_.size() < kMostOpen || questions_.contains(key));
}

std::optional<std::string> DnsForwarder::ask(const DnsQuery& query, const DnsReplyTo& reply_to) {
  const std::string key = DnsCache::key_of(query);
  if (auto message = cache_.get(key, steady_clock::now()))
    return adopted(*std::move(message), query, reply_to.limit);
  if (!may_wait(reply_to, key)) return failure(query);
  Question& question = questions_[key];
  question.waiters.push_back({query, reply_to});
  ++*reply_to.open_questions;
  if (!question.exchange) {
    question.exchange = std::make_unique<DnsExchange>(loop_, static_cast<DnsExchange::Owner&>(*this),
                                                      servers_, options_.network_namespace.get(), query);
    question.generation = generation_;
    question.exchange->start();
  }
  return std::nullopt;
}

void DnsForwarder::on_outcome(DnsExchange& exchange, DnsExchange::Outcome outcome) {
  const std::string key = DnsCache::key_of(exchange.query());
  // Taken out first: who is answered may ask the next thing at once.
  const auto node = questions_.extract(key);
  const auto& message = outcome.message;
  for (const Waiter& waiter : node.mapped().waiters) {
    --*waiter.reply_to.open_questions;
    const auto client = waiter.reply_to.client.lock();
    if (!client) continue;
    client->reply(waiter.reply_to.peer, message.empty()
                                            ? failure(waiter.query)
                                            : adopted(message, waiter.query, waiter.reply_to.limit));
  }
  if (outcome.response && node.mapped().generation == generation_)
    cache_.put(key, std::move(outcome.message), *outcome.response, steady_clock::now());
}

}  // namespace gantry::network
