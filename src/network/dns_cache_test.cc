// SPDX-License-Identifier: Apache-2.0
#include "network/dns_cache.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/byte_stream.h"

namespace gantry::network {
namespace {

using namespace std::chrono_literals;

DnsQuery query_for(std::string name) {
  return {.question = {.name = std::move(name), .type = RecordType::A, .record_class = 1}};
}

const DnsResponse kForAMinute{.lifetime_seconds = 60, .ttl_offsets = {0}};
const std::string kTtlOfAMinute("\0\0\0\x3c", 4);
const DnsCache::Time kNow{};

TEST(DnsCache, repeats_an_answer_until_it_is_too_old) {
  DnsCache cache(10'000);
  cache.put("a", kTtlOfAMinute, kForAMinute, kNow);
  EXPECT_EQ(cache.get("a", kNow), kTtlOfAMinute);
  EXPECT_EQ(cache.get("a", kNow + 20s), std::string("\0\0\0\x28", 4));
  EXPECT_EQ(cache.get("b", kNow), std::nullopt);
  EXPECT_EQ(cache.get("a", kNow + 60s), std::nullopt);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(DnsCache, keeps_nothing_without_a_lifetime) {
  DnsCache cache(10'000);
  cache.put("a", kTtlOfAMinute, kForAMinute, kNow);
  cache.put("a", kTtlOfAMinute, {.lifetime_seconds = 0}, kNow);
  EXPECT_EQ(cache.get("a", kNow), std::nullopt);
}

TEST(DnsCache, forgets_first_what_was_not_asked_for_the_longest) {
  DnsCache cache(1000);
  for (const char* key : {"a", "b", "c", "d"}) {
    cache.put(key, kTtlOfAMinute, kForAMinute, kNow);
    EXPECT_TRUE(cache.get("a", kNow));
  }
  cache.put("e", kTtlOfAMinute, kForAMinute, kNow);
  EXPECT_LE(cache.bytes(), 1000U);
  EXPECT_TRUE(cache.get("a", kNow));
  EXPECT_FALSE(cache.get("b", kNow));
}

TEST(DnsCache, what_is_larger_than_all_of_it_is_not_kept) {
  DnsCache cache(1000);
  cache.put("a", std::string(2000, 'x'), {.lifetime_seconds = 60}, kNow);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(DnsCache, tells_questions_apart) {
  DnsQuery query = query_for("www");
  std::vector<std::string> keys = {DnsCache::key_of(query), DnsCache::key_of(query_for("ww"))};
  query.question.type = RecordType::Aaaa;
  keys.push_back(DnsCache::key_of(query));
  query.checking_disabled = true;
  keys.push_back(DnsCache::key_of(query));
  query.edns = Edns{.udp_size = 512};
  keys.push_back(DnsCache::key_of(query));
  query.edns->wants_dnssec = true;
  keys.push_back(DnsCache::key_of(query));
  std::ranges::sort(keys);
  EXPECT_EQ(std::ranges::adjacent_find(keys), keys.end());
}

}  // namespace
}  // namespace gantry::network
