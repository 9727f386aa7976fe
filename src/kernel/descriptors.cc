// SPDX-License-Identifier: Apache-2.0
#include "kernel/descriptors.h"

#include <unistd.h>

#include <algorithm>
#include <climits>

namespace gantry::kernel {

Result<void> close_all_but(int first, std::vector<int> keep) {
  std::ranges::sort(keep);
  keep.push_back(INT_MAX);
  auto from = static_cast<unsigned>(first);
  for (const int kept : keep) {
    if (kept < 0 || static_cast<unsigned>(kept) < from) continue;
    if (static_cast<unsigned>(kept) > from && ::close_range(from, static_cast<unsigned>(kept) - 1, 0) < 0)
      return sys_error("close descriptors");
    from = static_cast<unsigned>(kept) + 1;
  }
  return {};
}

}  // namespace gantry::kernel
