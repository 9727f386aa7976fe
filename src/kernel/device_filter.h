// SPDX-License-Identifier: Apache-2.0
//
// Which devices a control group may use. Rules come in the order of
// config.json and the last one that matches decides, for reading, writing and
// mknod each by itself. Without any match the answer is no.
//
// On cgroup v2 they become one small BPF program (BPF_PROG_TYPE_CGROUP_DEVICE,
// Linux 4.15), which the kernel asks at every open and mknod. For the v1
// devices controller see device_list.h.
//
//   TRY(attach_device_filter(cgroup.directory, device_filter(rules)));
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace gantry::kernel {

enum class DeviceType : std::uint8_t { All, Block, Char };

enum DeviceAccess : std::uint8_t { kMknod = 1, kRead = 2, kWrite = 4, kAllAccess = 7 };  // BPF_DEVCG_ACC_*

struct DeviceRule {
  bool allow = false;
  DeviceType type =
      DeviceType::All;  // All means every number and every access, whatever the fields below say
  std::optional<std::uint32_t> major;  // not set: any
  std::optional<std::uint32_t> minor;
  std::uint8_t access = kAllAccess;

  bool operator==(const DeviceRule&) const = default;
};

// "c 1:3 rwm", as the files of v1 have it.
std::string to_text(const DeviceRule& rule);

std::vector<bpf_insn> device_filter(std::span<const DeviceRule> rules);

enum class Attached : std::uint8_t {
  Nothing,  // a group that was just made
  Replace,  // there may be a program, ours or systemd's: afterwards ours is the only one
};

// `cgroup` is a v2 directory. Needs CAP_BPF and CAP_NET_ADMIN or CAP_SYS_ADMIN. One that is replaced is
// replaced in one step. An error carries what the kernel's verifier said.
Result<void> attach_device_filter(int cgroup, std::span<const bpf_insn> program, Attached before);

}  // namespace gantry::kernel
