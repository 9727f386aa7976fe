// SPDX-License-Identifier: Apache-2.0
//
// Addresses and ports of the whole cluster that services have: spec.clusterIP and spec.ports[*].nodePort.
// Each that is taken is a key of the store, written in one transaction with its service: no two services ever
// have the same, however many servers there are (docs/formats/kube-objects.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/schema/resource.h"
#include "kube/storage/object_storage.h"
#include "store/store.h"

namespace gantry::kube {

struct AddressRange {
  std::uint32_t first = 0;  // IPv4, in the order of numbers; the network's own address
  std::uint32_t size = 0;   // addresses, the network's and the broadcast's included

  // "10.96.0.0/16": a network between /8 and /30.
  static Result<AddressRange> parse(std::string_view text);
};

struct PortRange {
  std::uint16_t first = 30000;
  std::uint16_t last = 32767;
};

class ServiceAddresses {
 public:
  // The store outlives it.
  ServiceAddresses(store::Store& store, AddressRange addresses, std::string addresses_text, PortRange ports)
      : store_(store), addresses_(addresses), addresses_text_(std::move(addresses_text)), ports_(ports) {}

  // Whether that kind has any; of others all of this does nothing.
  static bool are_of(const Resource& resource) { return resource.stored_as == "services"; }
  // Before the rules see an update: what a service has and the update does not name stays.
  static void keep(const Resource& resource, const json::Tree& before, json::Tree& object);
  // Chooses what is missing, and adds to `also` what has to be taken or given back. `before`: null, it is
  // created. 422 for what another has, or what is outside of the range. If the
  // transaction then fails, another was faster: again.
  Answer<void> take(const Resource& resource, const json::Tree* before, json::Tree& object,
                    AlsoWritten& also) const;
  // Of a service that goes.
  static void release(const Resource& resource, const json::Tree& before, AlsoWritten& also);

  // The first address: of the service `kubernetes`.
  std::string first_address() const;

 private:
  class Taking;
  store::Store& store_;
  const AddressRange addresses_;
  const std::string addresses_text_;
  const PortRange ports_;
};

}  // namespace gantry::kube
