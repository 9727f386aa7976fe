// SPDX-License-Identifier: Apache-2.0
#include "runtime/net_devices.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>
#include <vector>

#include "kernel/namespaces.h"
#include "kernel/netlink.h"

namespace gantry::runtime {
namespace {

// Runs in the other network namespace for as long as it lives.
class InNamespace {
 public:
  static Result<InNamespace> enter(int there, int back) {
    TRY(kernel::enter_namespace(there, CLONE_NEWNET));
    return InNamespace(back);
  }
  InNamespace(InNamespace&& other) noexcept : back_(std::exchange(other.back_, -1)) {}
  InNamespace& operator=(InNamespace&&) = delete;
  ~InNamespace() {
    // One's own namespace can always be entered again; in the wrong one, nothing could be trusted any more.
    if (back_ >= 0 && !kernel::enter_namespace(back_, CLONE_NEWNET)) std::abort();
  }

 private:
  explicit InNamespace(int back) : back_(back) {}
  int back_;
};

Result<std::vector<unsigned>> indexes_in(int there, int own) {
  const InNamespace inside = TRY(InNamespace::enter(there, own));
  return kernel::interface_indexes();
}

// The kernel moves first and renames then, so a name that is taken would lose the interface to the container.
Result<void> check_name_is_free(const std::string& name, int there, int own) {
  const InNamespace inside = TRY(InNamespace::enter(there, own));
  if (!kernel::interface_index(name)) return {};
  return error(Code::AlreadyExists, "the container has an interface '{}' already", name);
}

// A running interface cannot be moved under another name, so it goes down first; one that could not be moved
// comes up again.
Result<void> move_down(unsigned index, const std::string& name, int container) {
  const bool was_up = TRY(kernel::is_up(index));
  if (was_up) TRY(kernel::set_up(index, false));
  auto moved = kernel::move_interface(index, container, name);
  if (!moved && was_up) (void)kernel::set_up(index, true);  // the first error is the one to report
  return moved;
}

Result<void> move_one(const std::string& host_name, const std::string& name, int container, int own) {
  const unsigned index = TRY(kernel::interface_index(host_name));
  const auto addresses = TRY(kernel::permanent_addresses(index));
  const auto before = TRY(indexes_in(container, own));
  TRY(check_name_is_free(name, container, own));
  TRY(move_down(index, name, container));
  // Neither its index nor, with a number to choose, its name need be the same there: it is the new one.
  const auto after = TRY(indexes_in(container, own));
  std::vector<unsigned> added;
  std::ranges::set_difference(after, before, std::back_inserter(added));
  if (added.size() != 1) return error(Code::Conflict, "interfaces of the container changed meanwhile");
  // Addresses do not travel, so they are given again on the other side.
  const InNamespace inside = TRY(InNamespace::enter(container, own));
  for (const kernel::InterfaceAddress& address : addresses) TRY(kernel::add_address(added[0], address));
  return kernel::set_up(added[0], true);
}

}  // namespace

Result<void> move_net_devices(const std::map<std::string, oci::NetDevice>& devices, int network_namespace) {
  UniqueFd own = TRY(kernel::open_namespace("/proc/self/ns/net", CLONE_NEWNET));
  for (const auto& [host_name, device] : devices)
    TRY_DURING(
        move_one(host_name, device.name.empty() ? host_name : device.name, network_namespace, own.get()),
        "linux.netDevices '{}'", host_name);
  return {};
}

}  // namespace gantry::runtime
