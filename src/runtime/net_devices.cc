// SPDX-License-Identifier: Apache-2.0
#include "runtime/net_devices.h"

#include "kernel/namespaces.h"
#include "kernel/netlink.h"

namespace gantry::runtime {
namespace {

Result<void> move_one(const std::string& host_name, const std::string& name, int container, int own) {
  const unsigned index = TRY(kernel::interface_index(host_name));
  const auto addresses = TRY(kernel::permanent_addresses(index));
  TRY(kernel::move_interface(index, container, name));
  // Addresses do not travel, so they are given again on the other side.
  TRY(kernel::enter_namespace(container, CLONE_NEWNET));
  auto configured = [&]() -> Result<void> {
    const unsigned inside = TRY(kernel::interface_index(name));
    for (const kernel::InterfaceAddress& address : addresses) TRY(kernel::add_address(inside, address));
    return kernel::bring_up(inside);
  }();
  TRY(kernel::enter_namespace(own, CLONE_NEWNET));
  return configured;
}

}  // namespace

Result<void> move_net_devices(const std::map<std::string, oci::NetDevice>& devices, int network_namespace) {
  UniqueFd own = TRY(kernel::open_namespace("/proc/self/ns/net", CLONE_NEWNET));
  for (const auto& [host_name, device] : devices)
    TRY_DURING(move_one(host_name, device.name.empty() ? host_name : device.name, network_namespace, own.get()),
               "linux.netDevices '{}'", host_name);
  return {};
}

}  // namespace gantry::runtime
