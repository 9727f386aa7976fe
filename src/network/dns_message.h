// SPDX-License-Identifier: Apache-2.0
//
// Messages of the domain name system (RFC 1035, with the extensions of RFC 6891), as far as a name server
// needs them that answers a few names itself and passes the others on: queries read, answers built, answers
// of others checked and changed in place. Bytes come from strangers on both sides; nothing here trusts them,
// and nothing keeps a reference to them.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::network {

inline constexpr std::size_t kDnsHeaderSize = 12;
inline constexpr std::size_t kLeastUdpAnswer = 512;  // what every client takes (RFC 1035 section 4.2.1)
inline constexpr std::size_t kMostUdpAnswer = 4096;  // what we send at most, over a loopback interface
inline constexpr std::size_t kMostTcpAnswer = 65535;

enum class RecordType : std::uint16_t { A = 1, Cname = 5, Soa = 6, Ptr = 12, Aaaa = 28, Opt = 41, Any = 255 };

enum class ResponseCode : std::uint8_t {
  NoError = 0,
  FormatError = 1,
  ServerFailure = 2,
  NoSuchName = 3,
  NotImplemented = 4,
  Refused = 5,
  BadVersion = 16,  // of EDNS; travels in the OPT record
};

struct DnsQuestion {
  // In lower case, without the last dot, with "\046" for a dot inside of a label and likewise for all bytes
  // but letters, digits, '-' and '_': different names are different texts. The root is "".
  std::string name;
  RecordType type = RecordType::A;
  std::uint16_t record_class = 1;  // 1: the Internet
  std::string wire;                // name, type and class as they were sent, in the asker's capitals

  bool is_same_as(const DnsQuestion& other) const {
    return name == other.name && type == other.type && record_class == other.record_class;
  }
};

// What a sender can do beyond RFC 1035.
struct Edns {
  std::uint16_t udp_size = 0;  // bytes of the longest answer it takes
  bool wants_dnssec = false;
};

struct DnsQuery {
  std::uint16_t id = 0;
  bool recursion_desired = false;
  bool checking_disabled = false;
  DnsQuestion question;
  std::optional<Edns> edns;

  // Bytes of the longest answer over UDP.
  std::size_t udp_limit() const;
};

// Why a message is not answered with data.
struct QueryFault {
  // Empty: not a query at all; say nothing, or two servers could talk to each other for ever.
  std::string reply;
};

std::expected<DnsQuery, QueryFault> parse_query(std::span<const std::byte> message);

// The query as we send it on: the same question, flags and DNSSEC wish, without further options (which might
// tell a stranger about the asker).
std::string forwarded_query(const DnsQuery& query, std::uint16_t id);

// An answer of our own, to a query that was parsed.
class DnsAnswer {
 public:
  DnsAnswer(const DnsQuery& query, ResponseCode code);

  void add(const in_addr& address, std::uint32_t ttl_seconds);
  void add(const in6_addr& address, std::uint32_t ttl_seconds);
  // `name`: labels with dots between, each of 1 to 63 bytes; a name that is none is left out.
  void add_pointer(std::string_view name, std::uint32_t ttl_seconds);

  // At most `limit` bytes: records that do not fit are left out and the answer says that it was cut.
  std::string finish(std::size_t limit) &&;

 private:
  bool begin_record(RecordType type, std::uint32_t ttl_seconds, std::size_t data_size);

  const DnsQuery& query_;
  ResponseCode code_;
  std::string text_;
  std::vector<std::size_t> ends_;  // of each record
};

// What another server answered.
struct DnsResponse {
  std::uint16_t id = 0;
  ResponseCode code = ResponseCode::NoError;
  bool is_cut = false;
  DnsQuestion question;
  std::uint32_t lifetime_seconds = 0;  // how long it may be repeated; of a negative one by RFC 2308
  std::vector<std::uint16_t> ttl_offsets;
};

// Nullopt: not a well-formed response with one question.
std::optional<DnsResponse> parse_response(std::span<const std::byte> message);

// Makes a response (that parse_response accepted) the answer to `query`: its id, flags and capitals.
void adopt_response(std::string& message, const DnsQuery& query);
// The same answer, `seconds` later. Offsets as parse_response found them.
void age_response(std::string& message, std::span<const std::uint16_t> ttl_offsets, std::uint32_t seconds);
// If it is longer than `limit`: only the question, and the mark that it was cut.
void cut_response(std::string& message, const DnsQuery& query, std::size_t limit);

}  // namespace gantry::network
