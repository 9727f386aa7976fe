// SPDX-License-Identifier: Apache-2.0
//
// Tells when a control group runs out of memory, without asking again and again.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/cgroup.h"

namespace gantry::kernel {

class OomWatch {
 public:
  // NotFound where no memory controller has the group.
  static Result<OomWatch> of(Cgroup& cgroup);

  // For poll(2), with these events.
  int fd() const { return event_.get(); }
  short poll_events() const;

  // How many times that happened since the last call, after poll(2) has said that something did.
  std::uint64_t take();

 private:
  OomWatch(UniqueFd event, CgroupVersion version) : event_(std::move(event)), version_(version) {}
  std::uint64_t read_count() const;  // v2

  // v1: an eventfd(2) that cgroup.event_control feeds; v2: memory.events, which wakes its pollers.
  UniqueFd event_;
  CgroupVersion version_;
  std::uint64_t seen_ = 0;
};

}  // namespace gantry::kernel
