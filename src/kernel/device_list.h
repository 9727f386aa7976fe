// SPDX-License-Identifier: Apache-2.0
//
// The state of a v1 devices group: "everything but" or "nothing but" a set of
// exceptions. Rules are applied to a copy of the state here first, and then
// just the writes that lead from the old state to the new one are made, so
// that an update does not shut a running container out for a moment.
// Kernel: Documentation/admin-guide/cgroup-v1/devices.rst.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "kernel/device_filter.h"

namespace gantry::kernel {

class DeviceList {
 public:
  // What a group is when the first rule comes: nothing is allowed.
  DeviceList() = default;
  static DeviceList everything();  // what a new group is, unless its parent is restricted
  // The text of devices.list.
  static Result<DeviceList> parse(std::string_view text);

  // The kernel ignores, without a word, a rule that would cut a hole into an exception with a wildcard; here
  // that is an error (InvalidArgument).
  Result<void> apply(const DeviceRule& rule);

  // What to write, in order, to get from this state to `target`: allow rules to devices.allow, others to
  // devices.deny.
  std::vector<DeviceRule> steps_to(const DeviceList& target) const;

  bool allows_by_default() const { return allows_by_default_; }

 private:
  using Device = std::tuple<DeviceType, std::optional<std::uint32_t>, std::optional<std::uint32_t>>;
  bool allows_by_default_ = false;
  // devices.list does not tell the exceptions of a group that allows by default.
  bool may_hide_exceptions_ = false;
  std::map<Device, std::uint8_t> exceptions_;  // the access that is not as by default
};

}  // namespace gantry::kernel
