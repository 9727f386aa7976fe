// SPDX-License-Identifier: Apache-2.0
//
// /etc/passwd as a hostile image brings it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runtime/passwd.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry::runtime;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const uid_t uid : {0U, 1U, 65'534U, 0xffff'ffffU}) {
    const auto home = home_directory(text, uid);
    // Whoever has a home has a name, and the home is an absolute path that chdir(2) sees whole.
    if (home && (!user_name(text, uid) || !home->starts_with('/') || home->find('\0') != std::string::npos))
      std::abort();
  }
  return 0;
}
