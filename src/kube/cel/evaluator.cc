// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/evaluator.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "kube/cel/cost.h"
#include "kube/cel/program.h"

namespace gantry::kube::cel {
namespace {

Value over_limit() { return Value::of_error(kCostLimitExceeded); }

// Names, fields and elements of them: what is counted as one step each.
bool is_path(const Node& node) {
  return node.op == Op::Identifier || node.op == Op::Select || node.op == Op::OptionalSelect ||
         node.op == Op::Has || (node.op == Op::Call && (node.text == "_[_]" || node.text == "_[?_]"));
}

// What is not there is none, of an object as of an optional of one.
Value field_if_there(const Value& of, std::string_view name, Memory& memory) {
  if (of.kind() != Kind::Map && of.kind() != Kind::Object) return no_such_overload();
  const auto found = of.find_field(name, memory);
  if (!found) return Value::of_none();
  return found->is_error() ? *found : Value::of_some(*found, memory);
}

}  // namespace

Evaluator::Evaluator(const Compiled& compiled, std::span<const Value> variables, std::uint64_t limit,
                     Memory& memory)
    : compiled_(compiled),
      variables_(variables),
      locals_(memory.array<Value>(compiled.checked.locals)),
      memory_(memory),
      limit_(limit) {}

Value Evaluator::run() {
  const Value result = evaluate(compiled_.syntax.root());
  return is_over_ ? over_limit() : result;
}

void Evaluator::charge(std::uint64_t cost) {
  if (__builtin_add_overflow(cost_, cost, &cost_)) cost_ = kUnbounded;
  is_over_ = is_over_ || cost_ > limit_ || !memory_.has_room(0);
}

Value Evaluator::name(const Value& value) {
  charge(kCostOfName);
  return value;
}

Value Evaluator::evaluate(NodeId id) {
  if (is_over_) return over_limit();
  const Node& node = compiled_.syntax.node(id);
  const Resolution& resolution = compiled_.checked.nodes[id];
  if (resolution.meaning == Meaning::Constant) return compiled_.constants[resolution.index];
  switch (node.op) {
    case Op::Null: return {};
    case Op::Bool: return Value::of_bool(node.boolean);
    case Op::Int: return Value::of_int(node.integer);
    case Op::Uint: return Value::of_uint(node.unsigned_integer);
    case Op::Double: return Value::of_double(node.real);
    case Op::String: return Value::of_string(node.text);
    case Op::Bytes: return Value::of_bytes(node.text);
    case Op::Identifier:
    case Op::Select:
      if (resolution.meaning == Meaning::Variable) return name(variables_[resolution.index]);
      if (resolution.meaning == Meaning::Local) return name(locals_[resolution.index]);
      if (resolution.meaning == Meaning::Type)
        return Value::of_type(basic(static_cast<Kind>(resolution.index)));
      return select(id, node);
    case Op::OptionalSelect: return optional_select(node);
    case Op::Has: return has(node);
    case Op::Call: return call(id, node);
    case Op::And: return logic(node, false);
    case Op::Or: return logic(node, true);
    case Op::Conditional: return conditional(node);
    case Op::List: return list(node);
    case Op::Map: return map(node);
    case Op::Make: return make(node);
    case Op::OptOr:
    case Op::OptOrValue: return optional_or(node);
    case Op::Bind: return bind(id, node);
    case Op::OptMap:
    case Op::OptFlatMap: return opt_map(id, node);
    default: return fold(id, node);
  }
}

// ---- fields

Value Evaluator::select(NodeId, const Node& node) {
  const Value operand = child(node, 0);
  // A name and its fields are counted one by one; what was computed first becomes a name.
  charge(is_path(compiled_.syntax.node(compiled_.syntax.child(node, 0))) ? kCostOfName : 2 * kCostOfName);
  if (operand.is_error()) return operand;
  if (operand.kind() != Kind::Optional) return operand.field(node.text, memory_);
  if (operand.as_optional() == nullptr) return operand;
  return field_if_there(*operand.as_optional(), node.text, memory_);
}

Value Evaluator::optional_select(const Node& node) {
  const Value operand = child(node, 0);
  if (operand.is_error()) return operand;
  if (operand.kind() == Kind::Optional && operand.as_optional() == nullptr) return operand;
  const Value& of = operand.kind() == Kind::Optional ? *operand.as_optional() : operand;
  const Value found = field_if_there(of, node.text, memory_);
  // Only what is there is counted.
  if (found.kind() == Kind::Optional && found.as_optional() != nullptr) charge(kCostOfName);
  return found;
}

Value Evaluator::has(const Node& node) {
  Value operand = child(node, 0);
  if (operand.kind() == Kind::Optional) {
    if (operand.as_optional() == nullptr) return Value::of_bool(false);
    operand = *operand.as_optional();
  }
  if (operand.is_error()) return operand;
  if (operand.kind() != Kind::Map && operand.kind() != Kind::Object) return no_such_overload();
  const auto found = operand.find_field(node.text, memory_);
  return Value::of_bool(found.has_value() && !found->is_error());
}

// ---- calls

const Pattern* Evaluator::pattern_of(NodeId id) const {
  const auto found = std::ranges::lower_bound(compiled_.patterns, id, {}, &std::pair<NodeId, Pattern>::first);
  return found != compiled_.patterns.end() && found->first == id ? &found->second : nullptr;
}

bool Evaluator::is_constant(NodeId call, std::size_t argument) const {
  const NodeId id = compiled_.syntax.child(compiled_.syntax.node(call), argument);
  return compiled_.checked.nodes[id].meaning == Meaning::Constant;
}

Value Evaluator::call(NodeId id, const Node& node) {
  const auto children =
      compiled_.syntax.children(node).subspan(compiled_.checked.nodes[id].skips_target ? 1 : 0);
  constexpr std::size_t kMost = 4;  // of any function
  std::array<Value, kMost> arguments;
  const bool is_index = node.text == "_[_]" || node.text == "_[?_]";
  for (std::size_t i = 0; i < children.size(); ++i) {
    arguments[i] = is_index && i == 1 ? key_of_index(children[i]) : evaluate(children[i]);
    if (arguments[i].is_error()) return arguments[i];
  }
  return dispatch(id, std::span(arguments).first(children.size()));
}

// A path that is an index is counted with the index.
Value Evaluator::key_of_index(NodeId id) {
  const std::uint64_t before = cost_;
  const Value key = evaluate(id);
  if (is_path(compiled_.syntax.node(id)) && !is_over_) cost_ = before;
  return key;
}

Value Evaluator::dispatch(NodeId id, std::span<const Value> arguments) {
  const Resolution& resolution = compiled_.checked.nodes[id];
  const auto candidates = std::span(compiled_.checked.overloads).subspan(resolution.index, resolution.count);
  for (const Overload* overload : candidates) {
    if (!overload->fits(arguments)) continue;
    const Value result = overload->run({.arguments = arguments,
                                        .memory = memory_,
                                        .pattern = compiled_.patterns.empty() ? nullptr : pattern_of(id)});
    // Whether something is among constants is found out without a look at each.
    const bool is_free = overload->cost == Cost::InList && is_constant(id, 1);
    if (!is_free) charge(cost_of(overload->cost, arguments, result, memory_));
    return is_over_ ? over_limit() : result;
  }
  return no_such_overload();
}

// ---- operators that do not look at all operands

// && is decided by false, || by true; otherwise the first error counts.
Value Evaluator::logic(const Node& node, bool decisive) {
  std::optional<Value> error;
  for (const NodeId id : compiled_.syntax.children(node)) {
    const Value value = evaluate(id);
    if (value.kind() == Kind::Bool) {
      if (value.as_bool() == decisive) return value;
    } else if (!error) {
      error = value.is_error() ? value : no_such_overload();
    }
  }
  return error ? *error : Value::of_bool(!decisive);
}

Value Evaluator::conditional(const Node& node) {
  const Value condition = child(node, 0);
  if (condition.is_error()) return condition;
  if (condition.kind() != Kind::Bool) return no_such_overload();
  return child(node, condition.as_bool() ? 1 : 2);
}

// ---- literals

Value Evaluator::list(const Node& node) {
  const std::span<Value> elements = memory_.array<Value>(node.count);
  std::size_t count = 0;
  for (std::size_t i = 0; i < node.count; ++i) {
    const Value element = child(node, i);
    if (element.is_error()) return element;
    if (!compiled_.syntax.is_optional(node, i)) {
      elements[count++] = element;
    } else if (element.kind() != Kind::Optional) {
      return no_such_overload();
    } else if (element.as_optional() != nullptr) {
      elements[count++] = *element.as_optional();
    }
  }
  charge(kCostOfList);
  return Value::of_list(elements.first(count));
}

Value Evaluator::make_map(std::vector<Entry> entries) {
  const std::span<Entry> kept = memory_.array<Entry>(entries.size());
  std::ranges::copy(entries, kept.begin());
  const Value made = Value::of_map(kept);
  for (std::size_t i = 1; i < kept.size(); ++i)
    if (is_equal(kept[i - 1].key, kept[i].key, memory_)) return Value::of_error("Failed with repeated key");
  return made;
}

// Answers an error where there is one.
std::optional<Value> Evaluator::add_entries(const Node& node, std::vector<Entry>& entries) {
  for (std::size_t i = 0; i + 1 < node.count; i += 2) {
    const Value key = child(node, i);
    if (key.is_error()) return key;
    Value value = child(node, i + 1);
    if (value.is_error()) return value;
    if (compiled_.syntax.is_optional(node, i / 2)) {
      if (value.kind() != Kind::Optional) return no_such_overload();
      if (value.as_optional() == nullptr) continue;
      value = *value.as_optional();
    }
    const Kind kind = key.kind();
    if (kind != Kind::Bool && kind != Kind::Int && kind != Kind::Uint && kind != Kind::String)
      return Value::of_error("unsupported key type");
    entries.push_back({key, value});
  }
  return {};
}

Value Evaluator::map(const Node& node) {
  std::vector<Entry> entries;
  if (const auto error = add_entries(node, entries)) return *error;
  charge(kCostOfMap);
  return make_map(std::move(entries));
}

Value Evaluator::make(const Node& node) {
  std::vector<Entry> fields;
  if (const auto error = add_entries(node, fields)) return *error;
  charge(kCostOfMaking);
  return Value::of_made(node.text, make_map(std::move(fields)), memory_);
}

// ---- macros

Value Evaluator::bind(NodeId id, const Node& node) {
  const Value value = child(node, 0);
  // An error is told of only if somebody looks at it.
  locals_[compiled_.checked.nodes[id].index] = value;
  return child(node, 1);
}

// What is there is looked at twice: whether it is, and what it is.
Value Evaluator::opt_map(NodeId id, const Node& node) {
  const std::uint64_t before = cost_;
  const Value target = child(node, 0);
  if (target.is_error()) return target;
  if (target.kind() != Kind::Optional) return no_such_overload();
  const std::uint64_t of_target = cost_ - before;
  charge(1);
  if (target.as_optional() == nullptr) return target;
  charge(of_target + 3);
  locals_[compiled_.checked.nodes[id].index] = *target.as_optional();
  const Value body = child(node, 1);
  if (body.is_error()) return body;
  if (node.op == Op::OptMap) return Value::of_some(body, memory_);
  return body.kind() == Kind::Optional ? body : no_such_overload();
}

Value Evaluator::optional_or(const Node& node) {
  const Value target = child(node, 0);
  if (target.is_error()) return target;
  if (target.kind() != Kind::Optional) return no_such_overload();
  if (target.as_optional() != nullptr) return node.op == Op::OptOr ? target : *target.as_optional();
  const Value other = child(node, 1);
  const bool fits = other.is_error() || node.op == Op::OptOrValue || other.kind() == Kind::Optional;
  return fits ? other : no_such_overload();
}

void Evaluator::set_locals(std::uint32_t at, const Node& node, const Value& range, std::size_t index) {
  const bool is_list = range.kind() == Kind::List;
  if (node.second.empty()) {
    locals_[at] = is_list ? range.element(index, memory_) : range.key(index, memory_);
    return;
  }
  locals_[at] = is_list ? Value::of_int(static_cast<std::int64_t>(index)) : range.key(index, memory_);
  locals_[at + 1] = is_list ? range.element(index, memory_) : range.value(index, memory_);
}

Value Evaluator::fold(NodeId id, const Node& node) {
  const Value range = child(node, 0);
  if (range.is_error()) return range;
  if (range.kind() != Kind::List && range.kind() != Kind::Map && range.kind() != Kind::Object)
    return no_such_overload();
  switch (node.op) {
    case Op::All:
    case Op::Exists: return quantify(id, node, range);
    case Op::ExistsOne: return exists_one(id, node, range);
    case Op::Transform:
    case Op::Filter: return transform(id, node, range);
    case Op::SortBy: return sort_by(id, node, range);
    default: return transform_map(id, node, range);
  }
}

// all and exists: && and || over the range, with their rule about errors. What an iteration costs beside its
// body is what the specification's loop for it would (cost.cc has the same figures).
Value Evaluator::quantify(NodeId id, const Node& node, const Value& range) {
  const bool decisive = node.op == Op::Exists;
  const std::uint32_t at = compiled_.checked.nodes[id].index;
  std::optional<Value> error;
  charge(kCostOfName);
  for (std::size_t i = 0; i < range.count() && !is_over_; ++i) {
    set_locals(at, node, range, i);
    charge(decisive ? 4 : 3);
    const Value value = child(node, 1);
    if (value.kind() == Kind::Bool) {
      if (value.as_bool() != decisive) continue;
      // That it is decided is seen before the next one.
      if (i + 1 < range.count()) charge(decisive ? 3 : 2);
      return value;
    }
    if (!error) error = value.is_error() ? value : no_such_overload();
  }
  return error ? *error : Value::of_bool(!decisive);
}

Value Evaluator::exists_one(NodeId id, const Node& node, const Value& range) {
  std::size_t found = 0;
  charge(2);
  for (std::size_t i = 0; i < range.count() && !is_over_; ++i) {
    set_locals(compiled_.checked.nodes[id].index, node, range, i);
    const Value value = child(node, 1);
    if (value.is_error()) return value;
    if (value.kind() != Kind::Bool) return no_such_overload();
    if (value.as_bool()) charge(2);
    found += value.as_bool() ? 1 : 0;
  }
  return Value::of_bool(found == 1);
}

Value Evaluator::transform(NodeId id, const Node& node, const Value& range) {
  const std::uint32_t at = compiled_.checked.nodes[id].index;
  const bool is_filter = node.op == Op::Filter;
  std::vector<Value> results;
  charge(1);
  for (std::size_t i = 0; i < range.count() && !is_over_; ++i) {
    set_locals(at, node, range, i);
    // A macro in the body has variables behind ours, so that these stay.
    const Value element = locals_[at];
    if (is_filter || node.has_condition) {
      const Value condition = child(node, 1);
      if (condition.is_error()) return condition;
      if (condition.kind() != Kind::Bool) return no_such_overload();
      if (!condition.as_bool()) continue;
    }
    const Value result = is_filter ? element : child(node, node.count - 1);
    if (result.is_error()) return result;
    charge(is_filter ? kCostOfList + 3 : kCostOfList + 2);
    results.push_back(result);
  }
  if (!memory_.has_room(results.size() * sizeof(Value))) return Value::of_error("result is too large");
  const std::span<Value> kept = memory_.array<Value>(results.size());
  std::ranges::copy(results, kept.begin());
  return Value::of_list(kept);
}

// By keys of one kind that has an order.
Value Evaluator::sort_by(NodeId id, const Node& node, const Value& range) {
  if (range.kind() != Kind::List) return no_such_overload();
  std::vector<Entry> keyed;
  charge(1);
  for (std::size_t i = 0; i < range.count() && !is_over_; ++i) {
    set_locals(compiled_.checked.nodes[id].index, node, range, i);
    const Value element = locals_[compiled_.checked.nodes[id].index];
    const Value key = child(node, 1);
    if (key.is_error()) return key;
    if (!compare(key, key) || (!keyed.empty() && keyed.front().key.kind() != key.kind()))
      return Value::of_error("list elements must have the same type");
    charge(kCostOfList + 2);
    keyed.push_back({key, element});
  }
  const std::uint64_t count = keyed.size();
  charge(2 * count * count + kCostOfList + 3);
  if (is_over_) return over_limit();
  std::ranges::stable_sort(
      keyed, [](const Entry& a, const Entry& b) { return compare(a.key, b.key).value_or(0) < 0; });
  const std::span<Value> sorted = memory_.array<Value>(keyed.size());
  std::ranges::transform(keyed, sorted.begin(), &Entry::value);
  return Value::of_list(sorted);
}

Value Evaluator::transform_map(NodeId id, const Node& node, const Value& range) {
  const bool is_entry = node.op == Op::TransformMapEntry;
  std::vector<Entry> entries;
  charge(1);
  for (std::size_t i = 0; i < range.count() && !is_over_; ++i) {
    const std::uint32_t at = compiled_.checked.nodes[id].index;
    set_locals(at, node, range, i);
    if (node.has_condition) {
      const Value condition = child(node, 1);
      if (condition.is_error()) return condition;
      if (condition.kind() != Kind::Bool) return no_such_overload();
      if (!condition.as_bool()) continue;
    }
    const Value result = child(node, node.count - 1);
    if (result.is_error()) return result;
    charge(is_entry ? 2 : 3);
    if (!is_entry) {
      entries.push_back({locals_[at], result});
      continue;
    }
    if (result.kind() != Kind::Map) return no_such_overload();
    for (std::size_t entry = 0; entry < result.count(); ++entry)
      entries.push_back({result.key(entry, memory_), result.value(entry, memory_)});
  }
  if (!memory_.has_room(entries.size() * sizeof(Entry))) return Value::of_error("result is too large");
  return make_map(std::move(entries));
}

}  // namespace gantry::kube::cel
