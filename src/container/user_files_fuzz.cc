// SPDX-License-Identifier: Apache-2.0
//
// Whatever an image has for user files (the input is passwd, a NUL byte, group), a user is found or refused,
// and never one with a number beyond the limit or a home that is no absolute path.
#include <algorithm>
#include <cstdlib>

#include "container/user.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace gantry::container;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t middle = std::min(input.find('\0'), input.size());
  const UserFiles files{.passwd = input.substr(0, middle),
                        .group = middle < input.size() ? input.substr(middle + 1) : std::string_view()};
  for (const char* user : {"", "web", "1000", "web:staff", "1000:1001"}) {
    const auto found = find_user(files, user, {"0"});
    if (!found) {
      if (found.error().message().empty()) std::abort();
      continue;
    }
    if (found->uid > 0x7fffffff || found->gid > 0x7fffffff) std::abort();
    if (!found->home.starts_with('/')) std::abort();
    if (!std::ranges::is_sorted(found->additional_gids)) std::abort();
  }
  return 0;
}
