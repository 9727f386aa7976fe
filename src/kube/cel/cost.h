// SPDX-License-Identifier: Apache-2.0
//
// What evaluations cost: counted while they run, and estimated at worst from the sizes that types allow. The
// units and formulas are those of the implementation that Kubernetes uses, since people see by them which
// rules a CustomResourceDefinition may have.
#pragma once

#include <cstdint>
#include <span>

#include "kube/cel/checker.h"
#include "kube/cel/function.h"

namespace gantry::kube::cel {

inline constexpr std::uint64_t kCostOfName = 1;  // of a variable or a field
inline constexpr std::uint64_t kCostOfList = 10;
inline constexpr std::uint64_t kCostOfMap = 30;
inline constexpr std::uint64_t kCostOfMaking = 40;  // of an object

// Of a call whose result is known.
std::uint64_t cost_of(Cost cost, std::span<const Value> arguments, const Value& result, Memory& memory);

// At most; kUnbounded where there is no limit.
std::uint64_t estimate_cost(const Syntax& syntax, const Checked& checked);

}  // namespace gantry::kube::cel
