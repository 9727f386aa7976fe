// SPDX-License-Identifier: Apache-2.0
//
// The first line is a path; what follows is what it is followed in.
#include <algorithm>

#include "base/json.h"
#include "kube/views/json_path.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const auto path = kube::views::JsonPath::parse(input.substr(0, end));
  const auto document = json::Document::parse(std::string(input.substr(std::min(end + 1, input.size()))));
  if (path && document) (void)path->first(document->root());
  return 0;
}
