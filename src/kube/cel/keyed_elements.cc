// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/keyed_elements.h"

#include <algorithm>

namespace gantry::kube::cel {
namespace {

using Keyed = std::pair<std::string, Value>;

std::string text_of(const Value& value, Memory& memory) {
  const auto tree = to_tree(value, memory);
  return tree ? tree->to_text() : std::string();
}

}  // namespace

std::string KeyedElements::key_of(const Value& element, const Type& declared, Memory& memory) {
  if (declared.list_type != ListType::Map) return text_of(element, memory);
  std::string key;
  if (element.kind() != Kind::Map && element.kind() != Kind::Object) return key;
  for (const std::string& name : declared.list_keys) {
    if (const auto value = element.find(Value::of_string(name), memory)) key += text_of(*value, memory);
    key += '\n';
  }
  return key;
}

KeyedElements::KeyedElements(const Value& list, const Type& declared, Memory& memory) {
  elements_.reserve(list.count());
  for (std::size_t i = 0; i < list.count(); ++i) {
    const Value element = list.element(i, memory);
    elements_.emplace_back(key_of(element, declared, memory), element);
  }
  std::ranges::stable_sort(elements_, {}, &Keyed::first);
}

bool KeyedElements::contains(const std::string& key) const {
  const auto found = std::ranges::lower_bound(elements_, key, {}, &Keyed::first);
  return found != elements_.end() && found->first == key;
}

}  // namespace gantry::kube::cel
