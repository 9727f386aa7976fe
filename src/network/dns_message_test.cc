// SPDX-License-Identifier: Apache-2.0
#include "network/dns_message.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include "base/byte_stream.h"

namespace gantry::network {
namespace {

using namespace std::string_literals;

const std::string kAnswerName = "\xc0\x0c"s;  // the question's

// Id 0x1234, recursion desired, one question.
std::string query_bytes(const std::string& name, std::uint16_t type = 1) {
  return "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"s + name + '\0' + static_cast<char>(type >> 8) +
         static_cast<char>(type) + "\x00\x01"s;
}

std::string with_edns(std::string query, const std::string& size = "\x04\xd0"s, char version = 0) {
  query[11] = 1;
  return query + "\x00\x00\x29"s + size + '\0' + version + "\x80\x00\x00\x00"s;
}

DnsQuery parsed(const std::string& bytes) {
  const auto query = parse_query(bytes_of(bytes));
  EXPECT_TRUE(query);
  return query ? *query : DnsQuery{};
}

in_addr ipv4(const char* text) {
  in_addr address{};
  EXPECT_EQ(::inet_pton(AF_INET, text, &address), 1);
  return address;
}

// A response to query_bytes("\3www"): `records` behind the question.
std::string response_bytes(const std::string& counts, const std::string& records, char code = 0) {
  return "\x12\x34\x81"s + static_cast<char>(0x80 | code) + "\x00\x01"s + counts + "\3www\0\0\1\0\1"s +
         records;
}

const std::string kAddressRecord = kAnswerName + "\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"s;  // 300 s, 192.0.2.1

TEST(DnsQuery, is_read_in_lower_case_and_remembers_the_capitals) {
  const DnsQuery query = parsed(query_bytes("\3WwW\7Example"));
  EXPECT_EQ(query.id, 0x1234);
  EXPECT_TRUE(query.recursion_desired);
  EXPECT_EQ(query.question.name, "www.example");
  EXPECT_EQ(query.question.type, RecordType::A);
  EXPECT_EQ(query.question.wire, "\3WwW\7Example\0\0\1\0\1"s);
  EXPECT_EQ(query.udp_limit(), kLeastUdpAnswer);
}

TEST(DnsQuery, names_with_strange_bytes_stay_apart) {
  EXPECT_EQ(parsed(query_bytes("\3a.b")).question.name, "a\\046b");
  EXPECT_EQ(parsed(query_bytes("\1a\1b")).question.name, "a.b");
  EXPECT_EQ(parsed(query_bytes("\2a\0"s)).question.name, "a\\000");
  EXPECT_EQ(parsed(query_bytes("")).question.name, "");
}

TEST(DnsQuery, says_how_long_an_answer_may_be) {
  const DnsQuery query = parsed(with_edns(query_bytes("\3www")));
  ASSERT_TRUE(query.edns);
  EXPECT_TRUE(query.edns->wants_dnssec);
  EXPECT_EQ(query.udp_limit(), 1232U);
  EXPECT_EQ(parsed(with_edns(query_bytes("\3www"), "\0\1"s)).udp_limit(), kLeastUdpAnswer);
  EXPECT_EQ(parsed(with_edns(query_bytes("\3www"), "\xff\xff"s)).udp_limit(), kMostUdpAnswer);
}

TEST(DnsQuery, what_is_no_query_gets_no_reply) {
  std::string response = query_bytes("\3www");
  response[2] = '\x81';
  for (const std::string& bytes : {""s, "\x12\x34\x01"s, response}) {
    const auto query = parse_query(bytes_of(bytes));
    ASSERT_FALSE(query);
    EXPECT_EQ(query.error().reply, "");
  }
}

TEST(DnsQuery, a_broken_one_is_told_so) {
  std::string two_questions = query_bytes("\3www");
  two_questions[5] = 2;
  const std::string long_name = query_bytes([] {
    std::string name;
    for (int i = 0; i < 5; ++i) name += '\x3f' + std::string(63, 'a');
    return name;
  }());
  std::string short_record = with_edns(query_bytes("\3www"));
  short_record.pop_back();
  for (const std::string& bytes : {two_questions, long_name, short_record, query_bytes("\xc0\x0c"),
                                   query_bytes("\x40"), query_bytes("\3www").substr(0, 18)}) {
    const auto query = parse_query(bytes_of(bytes));
    ASSERT_FALSE(query);
    EXPECT_EQ(query.error().reply, "\x12\x34\x81\x01\0\0\0\0\0\0\0\0"s);
  }
}

TEST(DnsQuery, other_operations_and_versions_are_refused) {
  std::string update = query_bytes("\3www");
  update[2] = 0x28;
  EXPECT_EQ(parse_query(bytes_of(update)).error().reply, "\x12\x34\xa8\x04\0\0\0\0\0\0\0\0"s);
  const auto version = parse_query(bytes_of(with_edns(query_bytes("\3www"), "\4\0"s, 1)));
  ASSERT_FALSE(version);
  // The code 16: its upper part is the first byte behind the size.
  EXPECT_EQ(version.error().reply.substr(version.error().reply.size() - 6), "\1\0\x80\0\0\0"s);
}

TEST(DnsQuery, is_passed_on_with_another_id_and_nothing_private) {
  std::string bytes = with_edns(query_bytes("\3wWw"));
  bytes.replace(bytes.size() - 2, 2, "\0\5\0\x0a\0\1!"s);  // an option
  EXPECT_EQ(forwarded_query(parsed(bytes), 0xabcd),
            "\xab\xcd\x01\0\0\1\0\0\0\0\0\1\3wWw\0\0\1\0\1\0\0\x29\x04\xd0\0\0\x80\0\0\0"s);
}

TEST(DnsAnswer, has_the_addresses) {
  const DnsQuery query = parsed(query_bytes("\3WWW"));
  DnsAnswer answer(query, ResponseCode::NoError);
  answer.add(ipv4("192.0.2.1"), 300);
  EXPECT_EQ(std::move(answer).finish(512),
            "\x12\x34\x85\x80\0\1\0\1\0\0\0\0\3WWW\0\0\1\0\1"s + kAddressRecord);
}

TEST(DnsAnswer, leaves_out_whole_records_and_says_so) {
  const DnsQuery query = parsed(with_edns(query_bytes("\3www"), "\0\0"s));
  DnsAnswer answer(query, ResponseCode::NoError);
  for (int i = 0; i < 100; ++i) answer.add(ipv4("192.0.2.1"), 300);
  const std::string bytes = std::move(answer).finish(512);
  EXPECT_LE(bytes.size(), 512U);
  const auto response = parse_response(bytes_of(bytes));
  ASSERT_TRUE(response);
  EXPECT_TRUE(response->is_cut);
  EXPECT_EQ(response->ttl_offsets.size(), (512U - 21 - 11) / 16);
}

TEST(DnsAnswer, points_to_a_name) {
  const DnsQuery query = parsed(query_bytes("\1x", 12));
  DnsAnswer answer(query, ResponseCode::NoError);
  answer.add_pointer("web.shop", 5);
  answer.add_pointer(std::string(64, 'a'), 5);  // is none
  EXPECT_EQ(std::move(answer).finish(512), "\x12\x34\x85\x80\0\1\0\1\0\0\0\0\1x\0\0\x0c\0\1"s + kAnswerName +
                                               "\0\x0c\0\1\0\0\0\5\0\x0a\3web\4shop\0"s);
}

TEST(DnsResponse, lives_as_long_as_its_shortest_record) {
  std::string second = kAddressRecord;
  second[9] = 7;
  second[8] = 0;
  const std::string bytes = response_bytes("\0\2\0\0\0\0"s, kAddressRecord + second);
  const auto response = parse_response(bytes_of(bytes));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->lifetime_seconds, 7U);
  EXPECT_EQ(response->ttl_offsets, (std::vector<std::uint16_t>{27, 43}));
}

TEST(DnsResponse, a_negative_one_lives_as_its_zone_says) {
  const std::string soa =
      kAnswerName + "\0\6\0\1\0\0\x0e\x10\0\x16\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x3c"s;
  const auto response = parse_response(bytes_of(response_bytes("\0\0\0\1\0\0"s, soa, 3)));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->code, ResponseCode::NoSuchName);
  EXPECT_EQ(response->lifetime_seconds, 60U);
  EXPECT_EQ(parse_response(bytes_of(response_bytes("\0\0\0\0\0\0"s, "", 3)))->lifetime_seconds, 0U);
}

TEST(DnsResponse, a_failure_is_not_remembered) {
  EXPECT_EQ(parse_response(bytes_of(response_bytes("\0\1\0\0\0\0"s, kAddressRecord, 2)))->lifetime_seconds,
            0U);
}

TEST(DnsResponse, a_broken_one_is_none) {
  const std::string good = response_bytes("\0\1\0\0\0\0"s, kAddressRecord);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(parse_response(bytes_of(good.substr(0, size)))) << size;
  EXPECT_FALSE(parse_response(bytes_of(query_bytes("\3www"))));
}

TEST(DnsResponse, becomes_the_answer_to_another_query) {
  std::string bytes = response_bytes("\0\1\0\0\0\0"s, kAddressRecord);
  std::string asked = query_bytes("\3WWW");
  asked[0] = '\x77';
  asked[2] = 0;
  const DnsQuery query = parsed(asked);
  adopt_response(bytes, query);
  EXPECT_EQ(bytes, "\x77\x34\x80\x80\0\1\0\1\0\0\0\0\3WWW\0\0\1\0\1"s + kAddressRecord);
  cut_response(bytes, query, 30);
  EXPECT_EQ(bytes, "\x77\x34\x82\x80\0\1\0\0\0\0\0\0\3WWW\0\0\1\0\1"s);
}

TEST(DnsResponse, grows_old_but_not_negative) {
  std::string bytes = response_bytes("\0\1\0\0\0\0"s, kAddressRecord);
  const auto response = parse_response(bytes_of(bytes));
  age_response(bytes, response->ttl_offsets, 100);
  EXPECT_EQ(parse_response(bytes_of(bytes))->lifetime_seconds, 200U);
  age_response(bytes, response->ttl_offsets, 1000);
  EXPECT_EQ(parse_response(bytes_of(bytes))->lifetime_seconds, 0U);
}

}  // namespace
}  // namespace gantry::network
