// SPDX-License-Identifier: Apache-2.0
//
// One question on its way to other name servers. They are asked in their order, the next one as soon as the
// one before has failed or let us wait; the first good answer counts. So a dead server costs a moment, and,
// as it is avoided from then on, only once in a while. What was cut over UDP is asked again over TCP.
//
// Each question has a socket of its own, whose random port is, with the id, what an answer has to know.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/event_loop.h"
#include "network/dns_message.h"

namespace gantry::network {

struct DnsServer {
  // An address as resolv.conf has it; a zone is an interface's name.
  static Result<std::shared_ptr<DnsServer>> make(const std::string& address, std::uint16_t port);

  std::string name;  // for messages
  sockaddr_storage address{};
  socklen_t address_size = 0;
  EventLoop::Time avoid_until{};  // it let us wait, so the others are asked first
};
using DnsServers = std::vector<std::shared_ptr<DnsServer>>;

class DnsExchange {
 public:
  struct Outcome {
    std::string message;  // empty: nobody gave an answer
    std::optional<DnsResponse> response;
  };
  struct Owner {
    virtual void on_outcome(DnsExchange& exchange, Outcome outcome) = 0;  // may destroy the exchange

   protected:
    ~Owner() = default;
  };

  // `network_namespace` is borrowed, -1: this thread's own. The outcome is told later, never from here.
  DnsExchange(EventLoop& loop, Owner& owner, const DnsServers& servers, int network_namespace,
              const DnsQuery& query);
  DnsExchange(const DnsExchange&) = delete;
  DnsExchange& operator=(const DnsExchange&) = delete;
  ~DnsExchange();

  void start();
  const DnsQuery& query() const { return query_; }

 private:
  class Attempt;

  void ask_next();
  void on_timer();
  void on_failure(Attempt& attempt);
  void on_message(Attempt& attempt, std::string message, DnsResponse response);
  void go_on();
  void avoid_those_before(const Attempt& answered);
  void finish(Outcome outcome);
  bool is_hopeless() const;

  EventLoop& loop_;
  Owner& owner_;
  DnsServers servers_;  // in the order of asking
  const int network_namespace_;
  const DnsQuery query_;
  EventLoop::Time deadline_{};
  std::size_t asked_ = 0;  // of servers_
  std::vector<std::unique_ptr<Attempt>> attempts_;
  Outcome refusal_;  // the last answer that another server may know better
  Timer timer_;
};

}  // namespace gantry::network
