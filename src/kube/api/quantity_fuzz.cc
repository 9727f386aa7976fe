// SPDX-License-Identifier: Apache-2.0
//
// A quantity's canonical form is a quantity of the same value and form.
#include <cstdlib>
#include <string_view>

#include "kube/api/quantity.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using gantry::kube::Quantity;
  const auto first = Quantity::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!first) return 0;
  const auto second = Quantity::parse(first->text());
  if (!second || *second != *first || second->text() != first->text()) std::abort();
  return 0;
}
