// SPDX-License-Identifier: Apache-2.0
//
// What is read as a selector is written so that it is read again, as the same.
#include <cstdlib>
#include <string_view>

#include "kube/api/selector.h"

namespace {

template <class Selector>
void check(std::string_view text) {
  const auto first = Selector::parse(text);
  if (!first) return;
  const auto second = Selector::parse(first->text());
  if (!second || second->text() != first->text()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check<gantry::kube::LabelSelector>(text);
  check<gantry::kube::FieldSelector>(text);
  return 0;
}
