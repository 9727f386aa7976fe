// SPDX-License-Identifier: Apache-2.0
//
// An expression of the Common Expression Language as a tree
// (https://github.com/google/cel-spec/blob/master/doc/langdef.md, the grammar and its macros). Macros are
// nodes of their own: what they mean is known here, and not made of loops with accumulators as the
// specification explains them.
//
//   Syntax syntax = TRY(parse("self.replicas <= 5 && has(self.image)", {}));
//
// Immutable once parsed; for any thread to read. Depth is bounded, so that walks may recurse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::kube::cel {

using NodeId = std::uint32_t;

enum class Op : std::uint8_t {
  Null,
  Bool,
  Int,
  Uint,
  Double,
  String,
  Bytes,
  Identifier,      // text
  Select,          // child.text
  OptionalSelect,  // child.?text
  Has,             // has(child.text)
  Call,            // text(children...); is_member: the first child is before the point. Operators, too: "_+_"
  And,             // children, two or more
  Or,
  Conditional,  // condition, then, else
  List,         // elements; which of them are optional: Node::flags
  Map,          // keys and values by turns
  Make,         // text{field: value}: names of fields (String) and values by turns, as of Map
  All,          // All to TransformMapEntry: range, body; `text` and `second` name the variables
  Exists,
  ExistsOne,
  Transform,  // a list of the body's values; with a condition: range, condition, body. map(), transformList()
  Filter,     // elements for which the body is true
  TransformMap,       // the body's values by the range's keys; as Transform
  TransformMapEntry,  // the body is a map of one entry; as Transform
  SortBy,             // range, key of each element
  Bind,               // value, body; cel.bind(text, value, body)
  OptMap,             // optional, body: optMap(text, body)
  OptFlatMap,
  OptOr,       // optional, the optional that counts where there is nothing
  OptOrValue,  // optional, the value that counts
};

struct Node {
  Op op = Op::Null;
  bool is_member = false;
  bool has_condition = false;  // of Transform...: three children
  std::uint16_t depth = 1;     // of the tree below, itself included
  std::uint32_t position = 0;  // where it is told of: code points from the start
  std::uint32_t first = 0;     // of its children in Syntax
  std::uint32_t count = 0;     // of children
  std::uint32_t optional_set =
      0;                    // of List, Map and Make: index into Syntax::optional_elements plus one; 0: none
  std::string_view text;    // a name, or a literal's value
  std::string_view second;  // the second variable; empty: there is one
  union {
    bool boolean;
    std::int64_t integer = 0;
    std::uint64_t unsigned_integer;
    double real;
  };
};

// What is wrong, and where.
struct Issue {
  std::uint32_t position = 0;  // code points from the start
  std::string message;
};

// "ERROR: <input>:1:5: message", the line and a mark below it, one after the other: what people see of issues
// in Kubernetes' messages.
std::string describe(std::string_view source, std::span<const Issue> issues);

class Syntax {
 public:
  const Node& node(NodeId id) const { return nodes_[id]; }
  std::size_t size() const { return nodes_.size(); }
  NodeId root() const { return root_; }
  std::span<const NodeId> children(const Node& node) const {
    return std::span(children_).subspan(node.first, node.count);
  }
  NodeId child(const Node& node, std::size_t index) const { return children_[node.first + index]; }
  // Whether the index-th element (of a map: entry) was written with a question mark.
  bool is_optional(const Node& node, std::size_t index) const {
    return node.optional_set != 0 && optional_elements_[node.optional_set - 1][index];
  }
  std::string_view source() const { return *source_; }

 private:
  friend class Parser;
  std::unique_ptr<const std::string> source_;  // texts of nodes point into it
  std::deque<std::string> texts_;              // or into these, where there were escapes
  std::vector<Node> nodes_;
  std::vector<NodeId> children_;
  std::vector<std::vector<bool>> optional_elements_;
  NodeId root_ = 0;
};

struct SyntaxLimits {
  std::size_t code_points = 100'000;
  std::size_t depth = 250;
};

std::expected<Syntax, std::vector<Issue>> parse(std::string_view source, const SyntaxLimits& limits = {});

}  // namespace gantry::kube::cel
