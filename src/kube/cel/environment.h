// SPDX-License-Identifier: Apache-2.0
//
// The variables that an expression may name, and their types; which objects it may make. Values are handed to
// an evaluation in the order in which the variables were declared.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/cel/type.h"

namespace gantry::kube::cel {

class Environment {
 public:
  struct Variable {
    std::string name;
    const Type* type;
  };

  // The type is borrowed while expressions are compiled.
  Environment& declare(std::string name, const Type* type) {
    variables_.push_back({std::move(name), type});
    return *this;
  }
  // Expressions may make Object{...}, Object.spec{...} and so on, whose fields nobody declares, and
  // JSONPatch{...}, and call jsonpatch.escapeKey().
  Environment& allow_patches() {
    allows_patches_ = true;
    return *this;
  }
  bool allows_patches() const { return allows_patches_; }
  const std::vector<Variable>& variables() const { return variables_; }
  std::optional<std::size_t> find(std::string_view name) const {
    for (std::size_t i = 0; i < variables_.size(); ++i)
      if (variables_[i].name == name) return i;
    return {};
  }

 private:
  std::vector<Variable> variables_;
  bool allows_patches_ = false;
};

}  // namespace gantry::kube::cel
