// SPDX-License-Identifier: Apache-2.0
//
// Ports of the host. A published port is held by a socket that is bound to it and takes no packet: so nobody
// else gets it, nor do we get one that is somebody's. (Packets never come that far: our nftables table leads
// them away before. While it is missing they are dropped, and clients try again.)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "kernel/network/ip_address.h"
#include "network/networks.h"

namespace gantry::network {

class HostPorts {
 public:
  // Ports of one request, held for as long as this lives.
  class Reservation {
   public:
    Reservation(Reservation&&) = default;
    Reservation& operator=(Reservation&&) = default;
    ~Reservation() = default;
    std::uint16_t port() const { return port_; }

   private:
    friend class HostPorts;
    Reservation() = default;
    std::uint16_t port_ = 0;
    std::vector<UniqueFd> sockets_;
    std::vector<std::shared_ptr<void>> names_;  // takes them out of the table when the last copy goes
  };

  // The same port on all of `addresses` (of either version, unspecified for any): the first of the range that
  // is free, or one of the host's ephemeral ones if both are 0. `owner` is who has it, for the messages of
  // others. AlreadyExists says who has it; in a range, that all are taken.
  Result<Reservation> reserve(Protocol protocol, const std::vector<kernel::IpAddress>& addresses,
                              std::uint16_t first, std::uint16_t last, const std::string& owner);

 private:
  struct Key {
    Protocol protocol;
    std::uint16_t port;
    kernel::IpAddress address;
    auto operator<=>(const Key&) const = default;
  };
  struct Table {
    Mutex mutex;
    std::map<Key, std::string> owners GUARDED_BY(mutex);
  };
  Result<Reservation> reserve_one(Protocol protocol, const std::vector<kernel::IpAddress>& addresses,
                                  std::uint16_t port, const std::string& owner);
  Result<Reservation> reserve_ephemeral(Protocol protocol, const std::vector<kernel::IpAddress>& addresses,
                                        const std::string& owner);
  Result<void> claim(Reservation& reservation, const Key& key, const std::string& owner);
  std::optional<std::string> owner_of(const Key& key) const;

  // Shared with every reservation, which may outlive this.
  std::shared_ptr<Table> table_ = std::make_shared<Table>();
};

}  // namespace gantry::network
