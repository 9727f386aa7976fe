// SPDX-License-Identifier: Apache-2.0
//
// What every node of an expression is: its type, and what its name means. Of calls on what is known only when
// it runs (dyn) several overloads may be left.
#pragma once

#include <cstdint>
#include <expected>
#include <vector>

#include "kube/cel/environment.h"
#include "kube/cel/function.h"
#include "kube/cel/syntax.h"

namespace gantry::kube::cel {

enum class Meaning : std::uint8_t {
  Plain,     // what the node's operation says
  Variable,  // number `index` of the environment
  Local,     // number `index` of the macros' variables around it; a macro: where its own begin
  Type,      // `type` itself
  Call,      // one of `overloads`, `index` to `index + count`
  Constant,  // number `index` of the constants that were evaluated before (program.cc)
};

struct Resolution {
  Meaning meaning = Meaning::Plain;
  bool skips_target = false;  // of Call: the first child is no argument but the function's namespace
  std::uint32_t index = 0;
  std::uint32_t count = 0;
  const Type* type = nullptr;      // of the node
  const Type* declared = nullptr;  // as schemas declare it, with its limits; null: it was computed
};

struct Checked {
  std::vector<Resolution> nodes;  // by NodeId
  std::vector<const Overload*> overloads;
  std::uint32_t locals = 0;  // that are in use at once, at most
};

// Types that are made on the way live in `types`.
std::expected<Checked, std::vector<Issue>> check(const Syntax& syntax, const Environment& environment,
                                                 TypeArena& types);

}  // namespace gantry::kube::cel
