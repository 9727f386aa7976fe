// SPDX-License-Identifier: Apache-2.0
//
// Where this host keeps its control groups: which hierarchies are mounted,
// with which controllers, and in which group of each the calling process is.
// Everything comes from /proc/self/mountinfo and /proc/self/cgroup (cgroups(7),
// proc(5)); nothing below the mount points is touched, because this runs at
// every start of a container.
//
//   CgroupLayout layout = TRY(CgroupLayout::read());
//   if (layout.mode() == CgroupMode::V2) ...
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::kernel {

enum class CgroupVersion : std::uint8_t { V1 = 1, V2 = 2 };

enum class Controller : std::uint8_t {
  Cpu,
  Cpuacct,  // v1 only; v2 accounts without a controller
  Cpuset,
  Memory,
  Devices,  // v1 only; v2 has BPF programs instead (device_filter.h)
  Freezer,  // v1 only; every group of v2 can freeze
  Io,       // "blkio" in v1
  Pids,
  Hugetlb,
  NetCls,  // v1 only, as the next
  NetPrio,
  PerfEvent,
  Rdma,
  Misc,
};

// As the kernel spells it: "memory"; "blkio" or "io".
std::string_view name_of(Controller controller, CgroupVersion version);

class ControllerSet {
 public:
  constexpr ControllerSet() = default;
  constexpr ControllerSet(std::initializer_list<Controller> controllers) {
    for (Controller controller : controllers) add(controller);
  }
  static constexpr ControllerSet all() { return ControllerSet((1U << kCount) - 1); }
  // Words separated by any of `separators`; words that are no controller's name are passed over.
  static ControllerSet parse(std::string_view words, std::string_view separators, CgroupVersion version);

  constexpr void add(Controller controller) { bits_ |= bit(controller); }
  constexpr bool contains(Controller controller) const { return (bits_ & bit(controller)) != 0; }
  constexpr bool is_empty() const { return bits_ == 0; }
  constexpr ControllerSet operator|(ControllerSet other) const { return ControllerSet(bits_ | other.bits_); }
  constexpr ControllerSet operator&(ControllerSet other) const { return ControllerSet(bits_ & other.bits_); }
  constexpr ControllerSet operator-(ControllerSet other) const { return ControllerSet(bits_ & ~other.bits_); }
  constexpr bool operator==(const ControllerSet&) const = default;
  // "cpu memory", each name with `prefix` in front ("+cpu +memory" is what cgroup.subtree_control takes).
  std::string text(CgroupVersion version, std::string_view prefix = "") const;

 private:
  static constexpr unsigned kCount = static_cast<unsigned>(Controller::Misc) + 1;
  static constexpr std::uint32_t bit(Controller controller) {
    return 1U << static_cast<unsigned>(controller);
  }
  explicit constexpr ControllerSet(std::uint32_t bits) : bits_(bits) {}
  std::uint32_t bits_ = 0;
};

struct Hierarchy {
  // As /proc/self/cgroup names it: "memory", "cpu,cpuacct", "name=systemd"; empty for v2.
  std::string key;
  std::string mount;  // absolute, no slash at the end
  // The group of the calling process, below `mount`: "" at the top, else "/user.slice/x". Not set where the
  // mount does not show that group (a bind mount of another part, a group outside the cgroup namespace).
  std::optional<std::string> own;

  CgroupVersion version() const { return key.empty() ? CgroupVersion::V2 : CgroupVersion::V1; }
  // Those of a v1 hierarchy. What a group of v2 offers stands in its file cgroup.controllers.
  ControllerSet controllers() const;
};

enum class CgroupMode : std::uint8_t { None, V1, Mixed, V2 };

struct CgroupLayout {
  std::vector<Hierarchy> hierarchies;  // the v1 ones in the kernel's order, then v2; only what is mounted

  // `root` stands in front of every path, for tests with a tree of their own; "" is the real one.
  static Result<CgroupLayout> read(const std::string& root = "");
  // The same from the two files' text.
  static CgroupLayout parse(std::string_view mountinfo, std::string_view self_cgroup,
                            const std::string& root = "");

  CgroupMode mode() const;
  const Hierarchy* v2() const;  // null where it is not mounted
  const Hierarchy* v1_with(Controller controller) const;
  ControllerSet v1_controllers() const;
};

}  // namespace gantry::kernel
