// SPDX-License-Identifier: Apache-2.0
//
// What is taken as a configuration is written so that it is taken again and is the same; what is refused is
// refused in one line of bounded length.
#include <cstdlib>

#include "oci/runtime_spec.h"

namespace {

void check_refusal(const std::string& message) {
  if (message.empty() || message.size() > 2048 ||
      message.find_first_of(std::string_view("\n\r\x1b\0", 4)) != std::string::npos)
    std::abort();
}

template <class T>
void check(gantry::Result<T> (*parse)(std::string), const std::string& text) {
  const auto first = parse(text);
  if (!first) return check_refusal(first.error().message());
  const std::string written = to_json(*first);
  const auto second = parse(written);
  if (!second || to_json(*second) != written) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(gantry::oci::parse_spec, text);
  check(gantry::oci::parse_process, text);
  check(gantry::oci::parse_resources, text);
  return 0;
}
