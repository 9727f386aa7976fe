// SPDX-License-Identifier: Apache-2.0
//
// Answers of other name servers, for as long as they may be repeated. Bounded: what was not asked for the
// longest goes first. For one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "network/dns_message.h"

namespace gantry::network {

class DnsCache {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit DnsCache(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // What tells answers apart: the question, and what of the query changes the answer.
  static std::string key_of(const DnsQuery& query);

  // Keeps nothing that has no lifetime.
  void put(const std::string& key, std::string message, const DnsResponse& response, Time now);
  // As it reads by now, with the id and the capitals of whoever asked first.
  std::optional<std::string> get(std::string_view key, Time now);
  void clear();

  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string key;
    std::string message;
    std::vector<std::uint16_t> ttl_offsets;
    Time since, until;
    std::size_t bytes() const;
  };
  using Entries = std::list<Entry>;  // the last asked for first

  void remove(Entries::iterator entry);

  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  Entries entries_;
  std::unordered_map<std::string_view, Entries::iterator> by_key_;  // keys are those of the entries
};

}  // namespace gantry::network
