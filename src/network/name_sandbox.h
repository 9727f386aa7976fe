// SPDX-License-Identifier: Apache-2.0
//
// The name service as one sandbox sees it: names of its networks, links of its own, and the rest of the world
// through a forwarder. Belongs to the name server's event loop.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "network/dns_forwarder.h"
#include "network/dns_sockets.h"
#include "network/name_server.h"
#include "network/name_table.h"

namespace gantry::network {

using NameTables = std::map<std::string, std::shared_ptr<const NameTable>>;  // by network id

class NameSandbox final : private DnsHandler {
 public:
  struct Sockets {
    UniqueFd udp, tcp;
  };

  // `tables` outlives the sandbox.
  NameSandbox(EventLoop& loop, const NameTables& tables, Sockets sockets,
              std::shared_ptr<DnsForwarder> forwarder);
  Result<void> open();

  void set_networks(std::vector<SandboxNetwork> networks, bool forwards);

 private:
  std::optional<std::string> answer(std::span<const std::byte> message, DnsTransport transport,
                                    const std::shared_ptr<DnsClient>& client,
                                    const sockaddr_in& peer) override;
  std::optional<std::string> answer_locally(const DnsQuery& query, std::size_t limit);
  std::string answer_with(const NameTable::Addresses& addresses, const DnsQuery& query, std::size_t limit);
  const NameTable::Addresses* find(const std::string& name) const;
  std::string_view find_reverse(const std::string& name) const;
  const NameTable* table_of(const SandboxNetwork& network) const;

  const NameTables& tables_;
  std::vector<SandboxNetwork> networks_;
  bool forwards_ = true;
  std::size_t turn_ = 0;  // which of several addresses comes first
  std::shared_ptr<DnsForwarder> forwarder_;
  std::shared_ptr<int> open_questions_ = std::make_shared<int>(0);
  std::shared_ptr<DnsUdpSocket> udp_;
  DnsTcpListener tcp_;
};

}  // namespace gantry::network
