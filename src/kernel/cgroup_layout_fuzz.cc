// SPDX-License-Identifier: Apache-2.0
//
// mountinfo up to a NUL byte, then /proc/self/cgroup. Inside a container either may be anybody's file.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernel/cgroup_layout.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t middle = input.find('\0');
  const std::string_view self =
      middle == std::string_view::npos ? std::string_view() : input.substr(middle + 1);
  const auto layout = gantry::kernel::CgroupLayout::parse(input.substr(0, middle), self);
  (void)layout.mode();
  (void)layout.v1_controllers();
  return 0;
}
