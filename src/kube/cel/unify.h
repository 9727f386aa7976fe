// SPDX-License-Identifier: Apache-2.0
//
// Whether a type fits where another is asked for, and what the open types of a function's declaration become.
#pragma once

#include <array>

#include "kube/cel/type.h"

namespace gantry::kube::cel {

// A type that fits everywhere and takes the other's place: of the elements of [].
inline const Type* open_type() { return basic(Kind::Param); }

// The type of both, or null if there is none. Dyn goes with everything and stays.
const Type* join(const Type* a, const Type* b, TypeArena& types);

class Bindings {
 public:
  explicit Bindings(TypeArena& types) : types_(types) {}

  // Whether an argument of type `given` may stand where `wanted` is declared.
  bool unify(const Type* wanted, const Type* given);
  // `type` with what was found for its open types.
  const Type* apply(const Type* type);

 private:
  TypeArena& types_;
  std::array<const Type*, 26> bound_ = {};
};

}  // namespace gantry::kube::cel
