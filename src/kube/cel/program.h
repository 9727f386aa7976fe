// SPDX-License-Identifier: Apache-2.0
//
// A compiled expression of the Common Expression Language, with the functions that Kubernetes adds
// (https://kubernetes.io/docs/reference/using-api/cel/). Immutable; for any thread to evaluate.
//
//   Environment environment;
//   environment.declare("self", type);
//   const Program rule = TRY(compile("self.replicas <= 5", environment));
//
//   Memory memory;
//   Budget budget;
//   const Value values[] = {Value::of_tree(tree, type, memory)};
//   const Value result = rule.evaluate(values, budget, memory);
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "kube/cel/environment.h"
#include "kube/cel/value.h"

namespace gantry::kube::cel {

// In units of about 100 nanoseconds of another implementation: what Kubernetes grants.
inline constexpr std::uint64_t kCostOfCall = 1'000'000;             // one evaluation
inline constexpr std::uint64_t kCostOfObject = 10'000'000;          // all rules of an object, or a policy
inline constexpr std::uint64_t kCostOfMatchConditions = 2'500'000;  // all conditions of a webhook

// What several evaluations may cost together.
struct Budget {
  std::uint64_t left = kCostOfObject;
  bool is_exhausted = false;  // an evaluation cost more than was left: its result does not count
};

// How an evaluation ends that costs more than kCostOfCall.
inline constexpr std::string_view kCostLimitExceeded = "operation cancelled: actual cost limit exceeded";

class Program {
 public:
  // `variables`: in the order of the environment; the result may point to what they point to, and to
  // `memory`. What goes wrong is an error among values.
  Value evaluate(std::span<const Value> variables, Budget& budget, Memory& memory) const;

  Kind result_kind() const;
  std::string_view result_type() const;  // as messages write it: "list(string)"
  // Whether the variable of that number is named anywhere.
  bool uses(std::size_t variable) const;
  // Whether a field of that name is chosen from anything.
  bool selects(std::string_view field) const;
  // In the worst case, by the sizes that types allow.
  std::uint64_t estimated_cost() const;
  std::string_view text() const;

 private:
  friend Result<Program> compile(std::string_view text, const Environment& environment);
  struct State;
  explicit Program(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;  // shared by copies
};

// InvalidArgument with all that is wrong, each with its line and a mark below the place, as people see it in
// Kubernetes' messages.
Result<Program> compile(std::string_view text, const Environment& environment);

}  // namespace gantry::kube::cel
