// SPDX-License-Identifier: Apache-2.0
//
// The options of one mount, a word a line.
#include <linux/mount.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/mount_options.h"

// What mount_setattr(2) refuses whatever the mount is.
static void check(const gantry::kernel::MountAttributes& attributes) {
  constexpr std::uint64_t kAtime = MOUNT_ATTR__ATIME;
  if ((attributes.set & attributes.clear & ~kAtime) != 0) std::abort();
  if ((attributes.set & kAtime) != 0 && (attributes.clear & kAtime) != kAtime) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find('\n'));
    words.emplace_back(word);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  const auto options = gantry::runtime::parse_mount_options(words);
  check(options.attributes);
  check(options.recursive);
  if (options.data.size() > words.size()) std::abort();
  return 0;
}
