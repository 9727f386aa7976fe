// SPDX-License-Identifier: Apache-2.0
//
// A query that is taken can be answered, and the answer reads as one to the same question. A response that is
// taken can be adopted, aged and cut, and stays one.
#include <cstdlib>

#include "base/byte_stream.h"
#include "network/dns_message.h"

namespace {

using namespace gantry;
using namespace gantry::network;

void must(bool holds) {
  if (!holds) std::abort();
}

void check_query(std::span<const std::byte> bytes) {
  const auto query = parse_query(bytes);
  if (!query) return must(query.error().reply.size() <= kLeastUdpAnswer);
  DnsAnswer answer(*query, ResponseCode::NoError);
  for (int i = 0; i < 40; ++i) answer.add(in_addr{}, 5);
  answer.add_pointer(query->question.name, 5);
  const std::string text = std::move(answer).finish(query->udp_limit());
  must(text.size() <= query->udp_limit());
  const auto response = parse_response(bytes_of(text));
  must(response && response->question.is_same_as(query->question) && response->id == query->id);
  const auto forwarded = parse_query(bytes_of(forwarded_query(*query, 7)));
  must(forwarded && forwarded->question.is_same_as(query->question));
}

void check_response(std::span<const std::byte> bytes) {
  const auto response = parse_response(bytes);
  if (!response || response->is_cut) return;
  const DnsQuery query{.id = 7, .question = response->question};
  std::string text(text_of(bytes));
  age_response(text, response->ttl_offsets, 100);
  adopt_response(text, query);
  const auto adopted = parse_response(bytes_of(text));
  must(adopted && adopted->id == 7 && adopted->question.is_same_as(query.question));
  cut_response(text, query, kLeastUdpAnswer);
  must(text.size() <= kLeastUdpAnswer && parse_response(bytes_of(text)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  check_query(bytes);
  check_response(bytes);
  return 0;
}
