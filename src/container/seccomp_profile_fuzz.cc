// SPDX-License-Identifier: Apache-2.0
//
// Any text is a profile that can be resolved for any container, or is refused with a reason.
#include <cstdlib>

#include "container/isolation.h"
#include "container/seccomp_profile.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace gantry::container;
  const auto profile = parse_seccomp_profile({reinterpret_cast<const char*>(data), size});
  if (!profile) {
    if (profile.error().message().empty()) std::abort();
    return 0;
  }
  for (const char* machine : {"amd64", "arm64", "unheard-of"}) {
    const auto resolved =
        resolve(*profile, {.capabilities = default_capabilities(), .kernel = {6, 1}, .machine = machine});
    if (resolved.syscalls.size() > profile->rules.size()) std::abort();
  }
  return 0;
}
