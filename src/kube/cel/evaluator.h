// SPDX-License-Identifier: Apache-2.0
//
// Walks a checked expression with values for its variables. Operators that need not look at all operands
// follow langdef.md: an error on one side of && or || does not count where the other side decides.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kube/cel/checker.h"
#include "kube/cel/pattern.h"
#include "kube/cel/syntax.h"
#include "kube/cel/value.h"

namespace gantry::kube::cel {

// What compiling has made of an expression.
struct Compiled {
  Syntax syntax;
  Checked checked;
  std::vector<std::pair<NodeId, Pattern>> patterns;  // literal ones, by the calls that use them, in order
  std::vector<Value> constants;                      // of nodes that say Meaning::Constant
};

class Evaluator {
 public:
  Evaluator(const Compiled& compiled, std::span<const Value> variables, std::uint64_t limit, Memory& memory);

  Value run();
  Value evaluate(NodeId id);
  std::uint64_t cost() const { return cost_; }
  bool is_over() const { return is_over_; }

 private:
  Value child(const Node& node, std::size_t index) { return evaluate(compiled_.syntax.child(node, index)); }
  Value select(NodeId id, const Node& node);
  Value optional_select(const Node& node);
  Value has(const Node& node);
  Value call(NodeId id, const Node& node);
  Value key_of_index(NodeId id);
  Value dispatch(NodeId id, std::span<const Value> arguments);
  Value logic(const Node& node, bool decisive);
  Value conditional(const Node& node);
  Value list(const Node& node);
  Value map(const Node& node);
  Value make(const Node& node);
  std::optional<Value> add_entries(const Node& node, std::vector<Entry>& entries);
  Value bind(NodeId id, const Node& node);
  Value opt_map(NodeId id, const Node& node);
  Value optional_or(const Node& node);
  Value sort_by(NodeId id, const Node& node, const Value& range);
  Value fold(NodeId id, const Node& node);
  Value quantify(NodeId id, const Node& node, const Value& range);
  Value exists_one(NodeId id, const Node& node, const Value& range);
  Value transform(NodeId id, const Node& node, const Value& range);
  Value transform_map(NodeId id, const Node& node, const Value& range);
  Value make_map(std::vector<Entry> entries);

  void set_locals(std::uint32_t at, const Node& node, const Value& range, std::size_t index);
  Value name(const Value& value);
  void charge(std::uint64_t cost);
  const Pattern* pattern_of(NodeId id) const;
  bool is_constant(NodeId call, std::size_t argument) const;

  const Compiled& compiled_;
  std::span<const Value> variables_;
  std::span<Value> locals_;
  Memory& memory_;
  std::uint64_t cost_ = 0;
  std::uint64_t limit_;
  bool is_over_ = false;
};

}  // namespace gantry::kube::cel
