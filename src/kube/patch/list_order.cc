// SPDX-License-Identifier: Apache-2.0
#include "kube/patch/list_order.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace gantry::kube {

std::string key_of_scalar(const json::Tree& scalar) {
  if (!scalar.is_string()) return scalar.to_text();
  std::string key = "\"";
  return key.append(scalar.as_string());
}

json::TreeArray in_order(std::vector<KeyedElement> elements, const std::vector<std::string>& order) {
  std::unordered_map<std::string_view, std::size_t> ranks;
  for (std::size_t rank = 0; rank < order.size(); ++rank) ranks.emplace(order[rank], rank);

  std::vector<std::pair<std::size_t, KeyedElement*>> named;
  std::vector<KeyedElement*> others;
  for (KeyedElement& element : elements) {
    if (const auto rank = ranks.find(element.key); rank != ranks.end())
      named.emplace_back(rank->second, &element);
    else
      others.push_back(&element);
  }
  std::ranges::stable_sort(named, {}, [](const auto& one) { return one.first; });

  json::TreeArray result;
  result.reserve(elements.size());
  auto other = others.begin();
  for (const auto& [rank, element] : named) {
    while (other != others.end() && element->place != kIsNew && (*other)->place < element->place)
      result.push_back(std::move((*other++)->value));
    result.push_back(std::move(element->value));
  }
  while (other != others.end()) result.push_back(std::move((*other++)->value));
  return result;
}

}  // namespace gantry::kube
