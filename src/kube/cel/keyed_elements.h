// SPDX-License-Identifier: Apache-2.0
//
// The elements of a list by what tells them apart: of a set themselves, of a map their keys.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "kube/cel/value.h"

namespace gantry::kube::cel {

class KeyedElements {
 public:
  // `declared`: of the list, or of the one that it is compared with.
  KeyedElements(const Value& list, const Type& declared, Memory& memory);

  // By their keys, each with its element.
  const std::vector<std::pair<std::string, Value>>& sorted() const { return elements_; }
  bool contains(const std::string& key) const;

  static std::string key_of(const Value& element, const Type& declared, Memory& memory);

 private:
  std::vector<std::pair<std::string, Value>> elements_;
};

}  // namespace gantry::kube::cel
