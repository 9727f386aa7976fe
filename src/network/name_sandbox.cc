// SPDX-License-Identifier: Apache-2.0
#include "network/name_sandbox.h"

#include <cctype>

#include "base/lower_case.h"

namespace gantry::network {
namespace {

// Containers come and go, and some programs keep what they were told; asking again is cheap here.
constexpr std::uint32_t kTtl = 5;  // seconds
constexpr std::uint16_t kInternet = 1;

std::map<std::string, std::string> in_lower_case(const std::map<std::string, std::string>& links) {
  std::map<std::string, std::string> result;
  for (const auto& [alias, name] : links) result[gantry::in_lower_case(alias)] = gantry::in_lower_case(name);
  return result;
}

template <class Address>
void add_from(const std::vector<Address>& addresses, std::size_t first, DnsAnswer& answer) {
  for (std::size_t i = 0; i < addresses.size(); ++i)
    answer.add(addresses[(first + i) % addresses.size()], kTtl);
}

}  // namespace

NameSandbox::NameSandbox(EventLoop& loop, const NameTables& tables, Sockets sockets,
                         std::shared_ptr<DnsForwarder> forwarder)
    : tables_(tables),
      forwarder_(std::move(forwarder)),
      udp_(std::make_shared<DnsUdpSocket>(loop, static_cast<DnsHandler&>(*this), std::move(sockets.udp))),
      tcp_(loop, *this, std::move(sockets.tcp)) {}

Result<void> NameSandbox::open() {
  TRY(udp_->open());
  return tcp_.open();
}

void NameSandbox::set_networks(std::vector<SandboxNetwork> networks, bool forwards) {
  for (SandboxNetwork& network : networks) network.links = in_lower_case(network.links);
  networks_ = std::move(networks);
  forwards_ = forwards;
}

std::optional<std::string> NameSandbox::answer(std::span<const std::byte> message, DnsTransport transport,
                                               const std::shared_ptr<DnsClient>& client,
                                               const sockaddr_in& peer) {
  const auto query = parse_query(message);
  if (!query) {
    if (query.error().reply.empty()) return std::nullopt;
    return query.error().reply;
  }
  const std::size_t limit = transport == DnsTransport::Tcp ? kMostTcpAnswer : query->udp_limit();
  if (query->question.record_class != kInternet)
    return DnsAnswer(*query, ResponseCode::Refused).finish(limit);
  if (auto local = answer_locally(*query, limit)) return local;
  // Not a refusal, which ends the resolver's walk through its search list before it comes to our names.
  if (!forwards_) return DnsAnswer(*query, ResponseCode::NoSuchName).finish(limit);
  return forwarder_->ask(*query, {client, peer, limit, open_questions_});
}

std::optional<std::string> NameSandbox::answer_locally(const DnsQuery& query, std::size_t limit) {
  if (query.question.type == RecordType::Ptr) {
    const std::string_view name = find_reverse(query.question.name);
    if (name.empty()) return std::nullopt;
    DnsAnswer answer(query, ResponseCode::NoError);
    answer.add_pointer(name, kTtl);
    return std::move(answer).finish(limit);
  }
  const NameTable::Addresses* addresses = find(query.question.name);
  if (addresses == nullptr) return std::nullopt;
  return answer_with(*addresses, query, limit);
}

// A name of ours is all ours: of what it has not (an IPv6 address, a mail server) the answer is "none", not
// what somebody outside says about a name that looks the same.
std::string NameSandbox::answer_with(const NameTable::Addresses& addresses, const DnsQuery& query,
                                     std::size_t limit) {
  DnsAnswer answer(query, ResponseCode::NoError);
  const RecordType type = query.question.type;
  ++turn_;
  if (type == RecordType::A || type == RecordType::Any) add_from(addresses.ipv4, turn_, answer);
  if (type == RecordType::Aaaa || type == RecordType::Any) add_from(addresses.ipv6, turn_, answer);
  return std::move(answer).finish(limit);
}

const NameTable* NameSandbox::table_of(const SandboxNetwork& network) const {
  const auto found = tables_.find(network.id);
  return found == tables_.end() ? nullptr : found->second.get();
}

const NameTable::Addresses* NameSandbox::find(const std::string& name) const {
  for (const SandboxNetwork& network : networks_) {
    const NameTable* table = table_of(network);
    if (table == nullptr) continue;
    const auto link = network.links.find(name);
    if (const auto* found = table->find(link == network.links.end() ? name : link->second)) return found;
  }
  // "web.shop": the one of that network, and of no other.
  for (const SandboxNetwork& network : networks_) {
    const NameTable* table = table_of(network);
    if (table == nullptr || !name.ends_with(table->network())) continue;
    const std::size_t size = name.size() - table->network().size();
    if (size < 2 || name[size - 1] != '.') continue;
    if (const auto* found = table->find(std::string_view(name).substr(0, size - 1))) return found;
  }
  return nullptr;
}

std::string_view NameSandbox::find_reverse(const std::string& name) const {
  for (const SandboxNetwork& network : networks_)
    if (const NameTable* table = table_of(network))
      if (const std::string_view found = table->find_reverse(name); !found.empty()) return found;
  return {};
}

}  // namespace gantry::network
