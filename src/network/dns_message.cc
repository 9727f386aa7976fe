// SPDX-License-Identifier: Apache-2.0
#include "network/dns_message.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include <fmt/format.h>

namespace gantry::network {
namespace {

// The second 16 bits of a header.
constexpr std::uint16_t kResponse = 0x8000, kOpcode = 0x7800, kAuthoritative = 0x0400, kCut = 0x0200,
                        kRecursionDesired = 0x0100, kRecursionAvailable = 0x0080, kCheckingDisabled = 0x0010,
                        kCode = 0x000f;
constexpr std::uint16_t kDnssecOk = 0x8000;  // in the flags of OPT
constexpr std::uint16_t kOurUdpSize = 1232;  // bytes; what passes everywhere in one piece
constexpr std::size_t kMostName = 255, kMostLabel = 63;
constexpr std::uint32_t kLongestLifetime = 3600;  // seconds

void append16(std::string& text, unsigned number) {
  text += static_cast<char>(number >> 8);
  text += static_cast<char>(number);
}

void append32(std::string& text, std::uint32_t number) {
  append16(text, number >> 16);
  append16(text, number & 0xffff);
}

void put16(std::string& text, std::size_t at, unsigned number) {
  text[at] = static_cast<char>(number >> 8);
  text[at + 1] = static_cast<char>(number);
}

unsigned get16(std::string_view text, std::size_t at) {
  return static_cast<unsigned>(static_cast<std::uint8_t>(text[at])) << 8 |
         static_cast<std::uint8_t>(text[at + 1]);
}

std::uint32_t get32(std::string_view text, std::size_t at) {
  return std::uint32_t{get16(text, at)} << 16 | get16(text, at + 2);
}

void append_label(std::string& name, std::string_view label) {
  if (!name.empty()) name += '.';
  for (const char c : label) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 'A' && byte <= 'Z')
      name += static_cast<char>(byte - 'A' + 'a');
    else if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_')
      name += c;
    else
      name += fmt::format("\\{:03}", byte);
  }
}

struct Header {
  std::uint16_t id, flags, questions, answers, authorities, additionals;
};

struct Record {
  RecordType type;
  std::uint16_t record_class;
  std::size_t ttl_offset;
  std::uint32_t ttl;
  std::string_view data;
};

// Reads a message from its beginning on. After the first thing that is wrong every call fails.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> message)
      : text_(reinterpret_cast<const char*>(message.data()), message.size()) {}

  bool failed() const { return failed_; }

  Header header() {
    Header header{};
    for (std::uint16_t* field : {&header.id, &header.flags, &header.questions, &header.answers,
                                 &header.authorities, &header.additionals})
      *field = number16();
    return header;
  }

  DnsQuestion question() {
    DnsQuestion question;
    const std::size_t begin = at_;
    question.name = name();
    question.type = static_cast<RecordType>(number16());
    question.record_class = number16();
    if (!failed_) question.wire = text_.substr(begin, at_ - begin);
    return question;
  }

  Record record() {
    Record record{};
    skip_name();
    record.type = static_cast<RecordType>(number16());
    record.record_class = number16();
    record.ttl_offset = at_;
    record.ttl = std::uint32_t{number16()} << 16;
    record.ttl |= number16();
    record.data = take(number16());
    return record;
  }

 private:
  std::string_view take(std::size_t count) {
    failed_ = failed_ || count > text_.size() - at_;
    if (failed_) return {};
    at_ += count;
    return text_.substr(at_ - count, count);
  }

  std::uint16_t number16() {
    const std::string_view bytes = take(2);
    return failed_ ? 0 : static_cast<std::uint16_t>(get16(bytes, 0));
  }

  // Labels up to an empty one. A question is the first thing in a message, so there is nothing before it that
  // a pointer (RFC 1035 section 4.1.4) could lead to.
  std::string name() {
    std::string name;
    const std::size_t begin = at_;
    for (;;) {
      const std::string_view size = take(1);
      if (failed_ || size[0] == 0) return name;
      const auto length = static_cast<std::uint8_t>(size[0]);
      failed_ = length > kMostLabel || at_ + length - begin >= kMostName;
      const std::string_view label = take(length);
      if (failed_) return {};
      append_label(name, label);
    }
  }

  // The names of records are passed on as they are; what counts is where they end.
  void skip_name() {
    for (;;) {
      const std::string_view size = take(1);
      if (failed_ || size[0] == 0) return;
      const auto length = static_cast<std::uint8_t>(size[0]);
      const bool is_pointer = length >= 0xc0;
      failed_ = length > kMostLabel && !is_pointer;
      (void)take(is_pointer ? 1 : length);
      if (is_pointer) return;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

Edns edns_of(const Record& record) {
  return {.udp_size = record.record_class, .wants_dnssec = (record.ttl & kDnssecOk) != 0};
}

unsigned edns_version(const Record& record) { return record.ttl >> 16 & 0xff; }

void append_edns(std::string& text, bool wants_dnssec, unsigned extended_code = 0) {
  text += '\0';
  append16(text, static_cast<unsigned>(RecordType::Opt));
  append16(text, kOurUdpSize);
  append32(text, extended_code << 24 | (wants_dnssec ? kDnssecOk : 0U));
  append16(text, 0);
}

void append_header(std::string& text, const Header& header) {
  for (const std::uint16_t field :
       {header.id, header.flags, header.questions, header.answers, header.authorities, header.additionals})
    append16(text, field);
}

// The flags of an answer to that query.
std::uint16_t answer_flags(const DnsQuery& query, ResponseCode code) {
  return static_cast<std::uint16_t>(
      kResponse | kRecursionAvailable | (query.recursion_desired ? kRecursionDesired : 0) |
      (query.checking_disabled ? kCheckingDisabled : 0) | (static_cast<unsigned>(code) & kCode));
}

// For a query whose question could not be read, or is of a kind that we do not know: a header alone.
std::string bare_reply(const Header& header, ResponseCode code) {
  std::string text;
  const unsigned kept = header.flags & (kOpcode | kRecursionDesired);
  append_header(text, {.id = header.id,
                       .flags = static_cast<std::uint16_t>(kResponse | kept | static_cast<unsigned>(code))});
  return text;
}

// RFC 2181 section 8: a time with the highest bit set is none.
std::uint32_t lifetime_of(const Record& record) { return record.ttl > 0x7fff'ffffU ? 0 : record.ttl; }

// How long "there is no such thing" holds: RFC 2308 section 5. The last of five numbers at the data's end.
std::uint32_t negative_lifetime_of(const Record& soa) {
  constexpr std::size_t kNumbers = 20;
  if (soa.data.size() < kNumbers + 2) return 0;
  return std::min(lifetime_of(soa), get32(soa.data, soa.data.size() - 4));
}

// Collects from the records of a response what DnsResponse says of them.
class Lifetime {
 public:
  void add_answer(const Record& record) { shorten(lifetime_of(record)); }
  void add_authority(const Record& record) {
    if (record.type == RecordType::Soa) shorten(negative_lifetime_of(record));
  }
  std::uint32_t of(ResponseCode code) const {
    const bool may_be_repeated = code == ResponseCode::NoError || code == ResponseCode::NoSuchName;
    return may_be_repeated ? std::min(shortest_.value_or(0), kLongestLifetime) : 0;
  }

 private:
  void shorten(std::uint32_t seconds) { shortest_ = std::min(shortest_.value_or(seconds), seconds); }
  std::optional<std::uint32_t> shortest_;
};

// Nullopt: a label is empty or too long, or all of it is.
std::optional<std::string> wire_name(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    name.remove_prefix(std::min(label.size() + 1, name.size()));
    if (label.empty() || label.size() > kMostLabel) return std::nullopt;
    wire += static_cast<char>(label.size());
    wire += label;
  }
  wire += '\0';
  if (wire.size() > kMostName) return std::nullopt;
  return wire;
}

}  // namespace

std::size_t DnsQuery::udp_limit() const {
  return edns ? std::clamp<std::size_t>(edns->udp_size, kLeastUdpAnswer, kMostUdpAnswer) : kLeastUdpAnswer;
}

std::expected<DnsQuery, QueryFault> parse_query(std::span<const std::byte> message) {
  Reader reader(message);
  const Header header = reader.header();
  if (reader.failed() || (header.flags & kResponse) != 0) return std::unexpected(QueryFault{});
  const auto refuse = [&](ResponseCode code) {
    return std::unexpected(QueryFault{bare_reply(header, code)});
  };
  if ((header.flags & kOpcode) != 0) return refuse(ResponseCode::NotImplemented);
  if (header.questions != 1) return refuse(ResponseCode::FormatError);

  DnsQuery query{.id = header.id,
                 .recursion_desired = (header.flags & kRecursionDesired) != 0,
                 .checking_disabled = (header.flags & kCheckingDisabled) != 0,
                 .question = reader.question()};
  unsigned version = 0;
  const unsigned records = header.answers + header.authorities + header.additionals;
  for (unsigned i = 0; i < records && !reader.failed(); ++i) {
    const Record record = reader.record();
    if (reader.failed() || record.type != RecordType::Opt) continue;
    if (query.edns) return refuse(ResponseCode::FormatError);  // RFC 6891 section 6.1.1: at most one
    query.edns = edns_of(record);
    version = edns_version(record);
  }
  if (reader.failed()) return refuse(ResponseCode::FormatError);
  if (version != 0)
    return std::unexpected(QueryFault{DnsAnswer(query, ResponseCode::BadVersion).finish(kLeastUdpAnswer)});
  return query;
}

std::string forwarded_query(const DnsQuery& query, std::uint16_t id) {
  std::string text;
  const unsigned flags = kRecursionDesired | (query.checking_disabled ? kCheckingDisabled : 0U);
  append_header(text, {.id = id,
                       .flags = static_cast<std::uint16_t>(flags),
                       .questions = 1,
                       .additionals = static_cast<std::uint16_t>(query.edns ? 1 : 0)});
  text += query.question.wire;
  if (query.edns) append_edns(text, query.edns->wants_dnssec);
  return text;
}

DnsAnswer::DnsAnswer(const DnsQuery& query, ResponseCode code) : query_(query), code_(code) {
  const bool is_ours = code == ResponseCode::NoError || code == ResponseCode::NoSuchName;
  const unsigned flags = answer_flags(query, code) | (is_ours ? kAuthoritative : 0U);
  append_header(text_, {.id = query.id, .flags = static_cast<std::uint16_t>(flags), .questions = 1});
  text_ += query.question.wire;
}

bool DnsAnswer::begin_record(RecordType type, std::uint32_t ttl_seconds, std::size_t data_size) {
  if (text_.size() + data_size + 12 > kMostTcpAnswer - 11) return false;
  if (ends_.empty()) ends_.push_back(text_.size());
  append16(text_, 0xc000 | kDnsHeaderSize);  // the name is the question's
  append16(text_, static_cast<unsigned>(type));
  append16(text_, 1);
  append32(text_, ttl_seconds);
  append16(text_, static_cast<unsigned>(data_size));
  return true;
}

void DnsAnswer::add(const in_addr& address, std::uint32_t ttl_seconds) {
  if (!begin_record(RecordType::A, ttl_seconds, sizeof address)) return;
  text_.append(reinterpret_cast<const char*>(&address), sizeof address);
  ends_.push_back(text_.size());
}

void DnsAnswer::add(const in6_addr& address, std::uint32_t ttl_seconds) {
  if (!begin_record(RecordType::Aaaa, ttl_seconds, sizeof address)) return;
  text_.append(reinterpret_cast<const char*>(&address), sizeof address);
  ends_.push_back(text_.size());
}

void DnsAnswer::add_pointer(std::string_view name, std::uint32_t ttl_seconds) {
  const auto wire = wire_name(name);
  if (!wire || !begin_record(RecordType::Ptr, ttl_seconds, wire->size())) return;
  text_ += *wire;
  ends_.push_back(text_.size());
}

std::string DnsAnswer::finish(std::size_t limit) && {
  constexpr std::size_t kEdnsSize = 11;
  const std::size_t room = limit - (query_.edns ? kEdnsSize : 0);
  unsigned flags = get16(text_, 2);
  if (!ends_.empty() && text_.size() > room) {
    while (ends_.size() > 1 && ends_.back() > room) ends_.pop_back();
    text_.resize(ends_.back());
    flags |= kCut;
  }
  put16(text_, 2, flags);
  put16(text_, 6, ends_.empty() ? 0 : static_cast<unsigned>(ends_.size() - 1));
  if (query_.edns) {
    put16(text_, 10, 1);
    append_edns(text_, query_.edns->wants_dnssec, static_cast<unsigned>(code_) >> 4);
  }
  return std::move(text_);
}

std::optional<DnsResponse> parse_response(std::span<const std::byte> message) {
  Reader reader(message);
  const Header header = reader.header();
  if (reader.failed() || (header.flags & kResponse) == 0 || (header.flags & kOpcode) != 0 ||
      header.questions != 1)
    return std::nullopt;
  DnsResponse response{.id = header.id,
                       .code = static_cast<ResponseCode>(header.flags & kCode),
                       .is_cut = (header.flags & kCut) != 0,
                       .question = reader.question()};
  Lifetime lifetime;
  const unsigned authorities_end = header.answers + header.authorities;
  const unsigned records = authorities_end + header.additionals;
  for (unsigned i = 0; i < records && !reader.failed(); ++i) {
    const Record record = reader.record();
    // What was cut may end in the middle of a record; of that only the head counts.
    if (reader.failed() || record.type == RecordType::Opt) continue;
    response.ttl_offsets.push_back(static_cast<std::uint16_t>(record.ttl_offset));
    if (i < header.answers)
      lifetime.add_answer(record);
    else if (i < authorities_end)
      lifetime.add_authority(record);
  }
  if (reader.failed() && (!response.is_cut || response.question.wire.empty())) return std::nullopt;
  response.lifetime_seconds = lifetime.of(response.code);
  return response;
}

void adopt_response(std::string& message, const DnsQuery& query) {
  const unsigned from_query = kRecursionDesired | kCheckingDisabled;
  const unsigned kept = get16(message, 2) & ~(from_query | kAuthoritative);
  put16(message, 0, query.id);
  put16(message, 2, kept | (answer_flags(query, ResponseCode::NoError) & (from_query | kRecursionAvailable)));
  message.replace(kDnsHeaderSize, query.question.wire.size(), query.question.wire);
}

void age_response(std::string& message, std::span<const std::uint16_t> ttl_offsets, std::uint32_t seconds) {
  for (const std::uint16_t offset : ttl_offsets) {
    const std::uint32_t ttl = get32(message, offset);
    const std::uint32_t left = ttl - std::min(ttl, seconds);
    put16(message, offset, left >> 16);
    put16(message, offset + 2U, left & 0xffff);
  }
}

void cut_response(std::string& message, const DnsQuery& query, std::size_t limit) {
  if (message.size() <= limit) return;
  message.resize(kDnsHeaderSize + query.question.wire.size());
  put16(message, 2, get16(message, 2) | kCut);
  for (const std::size_t count : {6, 8, 10}) put16(message, count, 0);
  if (!query.edns) return;
  put16(message, 10, 1);
  append_edns(message, query.edns->wants_dnssec);
}

}  // namespace gantry::network
