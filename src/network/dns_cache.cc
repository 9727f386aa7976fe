// SPDX-License-Identifier: Apache-2.0
#include "network/dns_cache.h"

#include <fmt/format.h>

#include <utility>

namespace gantry::network {

std::string DnsCache::key_of(const DnsQuery& query) {
  const unsigned type = static_cast<unsigned>(query.question.type);
  const unsigned record_class = query.question.record_class;
  const unsigned edns = query.edns ? (query.edns->wants_dnssec ? 2 : 1) : 0;
  const unsigned flags = edns << 1 | (query.checking_disabled ? 1 : 0);
  std::string key = query.question.name;
  key += ' ';  // which no name has
  for (const unsigned byte : {type >> 8, type, record_class >> 8, record_class, flags})
    key += static_cast<char>(byte);
  return key;
}

std::size_t DnsCache::Entry::bytes() const {
  constexpr std::size_t kOverhead = 200;  // of list, index and strings
  return kOverhead + key.size() + message.size() + ttl_offsets.size() * sizeof(std::uint16_t);
}

void DnsCache::put(const std::string& key, std::string message, const DnsResponse& response, Time now) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) remove(found->second);
  if (response.lifetime_seconds == 0) return;
  entries_.push_front({.key = key,
                       .message = std::move(message),
                       .ttl_offsets = response.ttl_offsets,
                       .since = now,
                       .until = now + std::chrono::seconds(response.lifetime_seconds)});
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += entries_.front().bytes();
  while (bytes_ > most_bytes_) remove(std::prev(entries_.end()));
}

std::optional<std::string> DnsCache::get(std::string_view key, Time now) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  const Entries::iterator entry = found->second;
  if (now >= entry->until) {
    remove(entry);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  std::string message = entry->message;
  const auto age = std::chrono::floor<std::chrono::seconds>(now - entry->since).count();
  age_response(message, entry->ttl_offsets, static_cast<std::uint32_t>(age));
  return message;
}

void DnsCache::clear() {
  by_key_.clear();
  entries_.clear();
  bytes_ = 0;
}

void DnsCache::remove(Entries::iterator entry) {
  bytes_ -= entry->bytes();
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace gantry::network
