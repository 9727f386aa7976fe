// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/cost.h"

#include <algorithm>
#include <cmath>

#include "kube/cel/utf8.h"

namespace gantry::kube::cel {
namespace {

constexpr double kOfByte = 0.1;          // of a text that is gone through
constexpr double kOfPatternByte = 0.25;  // an expression is guessed to take four bytes
constexpr std::uint64_t kOfDecision = 350'000;
constexpr double kLongestFormat = 128;  // bytes of a named format's pattern
constexpr double kOfRequirement = 50;   // of a selector

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? kUnbounded : result;
}

std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 0;
  return __builtin_add_overflow(a, b, &result) ? kUnbounded : result;
}

std::uint64_t scaled(std::uint64_t size, double factor) {
  const double cost = std::ceil(static_cast<double>(size) * factor);
  return cost >= 0x1p64 ? kUnbounded : static_cast<std::uint64_t>(cost);
}

// ---- of values

// Texts are taken by their bytes: counting code points would cost what is to be counted.
std::uint64_t size_of(const Value& value) {
  switch (value.kind()) {
    case Kind::String:
    case Kind::Bytes:
    case Kind::List:
    case Kind::Map:
    case Kind::Object: return value.count();
    case Kind::Ip: return value.opaque<IpAddress>().is_v4 ? 4 : 16;
    case Kind::Cidr: return value.opaque<CidrBlock>().address.is_v4 ? 4 : 16;
    default: return 1;
  }
}

std::uint64_t cost_of_walk(const Value& value, Memory& memory) {
  switch (value.kind()) {
    case Kind::String:
    case Kind::Bytes: return static_cast<std::uint64_t>(static_cast<double>(value.count()) * kOfByte);
    case Kind::List: {
      std::uint64_t cost = 0;
      for (std::size_t i = 0; i < value.count(); ++i) cost += cost_of_walk(value.element(i, memory), memory);
      return cost;
    }
    case Kind::Map:
    case Kind::Object: {
      std::uint64_t cost = 0;
      for (std::size_t i = 0; i < value.count(); ++i)
        cost += cost_of_walk(value.key(i, memory), memory) + cost_of_walk(value.value(i, memory), memory);
      return cost;
    }
    default: return 1;
  }
}

// Both families' addresses are compared byte by byte, as far as the block's.
std::uint64_t cost_of_block(Cost cost, std::uint64_t block, std::uint64_t other) {
  std::uint64_t total = scaled(plus(block, block), kOfByte);
  if (cost == Cost::ContainsCidr || cost == Cost::ContainsCidrText)
    total = plus(total, plus(scaled(block, kOfByte), 1));
  if (cost == Cost::ContainsIpText || cost == Cost::ContainsCidrText)
    total = plus(total, scaled(other, kOfByte));
  return total;
}

// The same for sizes that are there and for those that may be; `a` and `b` are of the first two arguments.
// What needs more than sizes is not here.
std::uint64_t cost_by_size(Cost cost, std::uint64_t a, std::uint64_t b) {
  switch (cost) {
    case Cost::Text:
    case Cost::Parse:
    case Cost::ToBytes:
    case Cost::FromBytes:
    case Cost::Quote: return scaled(a, kOfByte);
    case Cost::TextTwice:
    case Cost::ParseTwice:
    case Cost::Replace:
    case Cost::Split: return scaled(a, 2 * kOfByte);
    case Cost::Prefix: return scaled(b, kOfByte);
    case Cost::Shorter: return scaled(std::min(a, b), kOfByte);
    case Cost::BothTexts: return scaled(plus(a, b), kOfByte);
    case Cost::InList: return b;
    case Cost::Regex:
    case Cost::RegexFind: return times(scaled(plus(a, 1), kOfByte), scaled(b, kOfPatternByte));
    case Cost::Contains: return times(scaled(a, kOfByte), scaled(b, kOfByte));
    case Cost::Copy: return plus(a, kCostOfList + 1);
    case Cost::Sort: return plus(times(2, times(a, a)), kCostOfList + 1);
    case Cost::EachOfEach: return plus(times(a, b), 1);
    case Cost::ContainsIp:
    case Cost::ContainsIpText:
    case Cost::ContainsCidr:
    case Cost::ContainsCidrText: return cost_of_block(cost, a, b);
    case Cost::Selector:
      return plus(plus(kCostOfList, scaled(b, kOfByte)), scaled(scaled(b, 0.5), kOfRequirement));
    case Cost::Authorization: return kOfDecision;
    case Cost::Validate:
      return times(scaled(plus(b, 1), kOfByte),
                   scaled(static_cast<std::uint64_t>(kLongestFormat), kOfPatternByte));
    default: return 1;
  }
}

// ---- of what may be

struct Size {
  std::uint64_t min = 0;
  std::uint64_t max = kUnbounded;

  friend Size operator+(Size a, Size b) { return {plus(a.min, b.min), plus(a.max, b.max)}; }
  friend Size operator*(Size a, Size b) { return {times(a.min, b.min), times(a.max, b.max)}; }
};

Size either(Size a, Size b) { return {std::min(a.min, b.min), std::max(a.max, b.max)}; }

class Estimator {
 public:
  Estimator(const Syntax& syntax, const Checked& checked)
      : syntax_(syntax), checked_(checked), computed_(syntax.size()) {}

  std::uint64_t cost(NodeId id) {
    const Node& node = syntax_.node(id);
    switch (node.op) {
      case Op::Identifier: return kCostOfName;
      case Op::Select:
      case Op::OptionalSelect: return select(id, node);
      case Op::Has: return 0;  // as it was when Kubernetes fixed what is refused
      case Op::Call: return call(id, node);
      case Op::And:
      case Op::Or: return children_cost(node);
      case Op::Conditional: return conditional(id, node);
      case Op::List: return list(id, node);
      case Op::Map:
        computed_[id] = Size{node.count / 2, node.count / 2};
        return plus(children_cost(node), kCostOfMap);
      case Op::Make: return plus(children_cost(node), kCostOfMaking);
      case Op::OptOr:
      case Op::OptOrValue: return children_cost(node);
      case Op::Bind: return plus(children_cost(node), kCostOfList);
      case Op::OptMap:
      case Op::OptFlatMap:
        return plus(plus(times(child_cost(node, 0), 2), child_cost(node, 1)), kCostOfList + 4);
      case Op::All:
      case Op::Exists:
      case Op::ExistsOne:
      case Op::Transform:
      case Op::Filter:
      case Op::SortBy:
      case Op::TransformMap:
      case Op::TransformMapEntry: return fold(id, node);
      default: return 0;
    }
  }

 private:
  NodeId child(const Node& node, std::size_t index) const { return syntax_.child(node, index); }
  std::uint64_t child_cost(const Node& node, std::size_t index) { return cost(child(node, index)); }
  std::uint64_t children_cost(const Node& node) {
    std::uint64_t total = 0;
    for (const NodeId id : syntax_.children(node)) total = plus(total, cost(id));
    return total;
  }

  // ---- how large a value may be

  static bool is_scalar(Kind kind) {
    return kind == Kind::Bool || kind == Kind::Int || kind == Kind::Uint || kind == Kind::Double ||
           kind == Kind::Timestamp || kind == Kind::Duration || kind == Kind::Type;
  }

  Size size(NodeId id) const {
    const Node& node = syntax_.node(id);
    if (computed_[id]) return *computed_[id];
    if (node.op == Op::String) return exactly(count_code_points(node.text));
    if (node.op == Op::Bytes) return exactly(node.text.size());
    const Resolution& resolution = checked_.nodes[id];
    if (resolution.declared != nullptr) return {0, resolution.declared->max_elements};
    return resolution.type != nullptr && is_scalar(resolution.type->kind) ? exactly(1) : Size();
  }

  static Size exactly(std::uint64_t size) { return {size, size}; }

  // Of a list's elements, as far as they are declared or of one size.
  Size element_size(NodeId id) const {
    const Resolution& resolution = checked_.nodes[id];
    if (resolution.declared != nullptr && resolution.declared->element != nullptr)
      return {0, resolution.declared->element->max_elements};
    return Size();
  }

  // ---- nodes

  // Fields of what was chosen by a name are counted where the name is: maps, objects, what is open.
  std::uint64_t select(NodeId id, const Node& node) {
    if (checked_.nodes[id].meaning != Meaning::Plain) return kCostOfName;
    const Type* type = checked_.nodes[child(node, 0)].type;
    const bool counts = type->kind == Kind::Map || type->kind == Kind::Object || type->kind == Kind::Optional;
    return plus(child_cost(node, 0), counts ? kCostOfName : 0);
  }

  std::uint64_t conditional(NodeId id, const Node& node) {
    const std::uint64_t total = plus(child_cost(node, 0), std::max(child_cost(node, 1), child_cost(node, 2)));
    computed_[id] = either(size(child(node, 1)), size(child(node, 2)));
    return total;
  }

  std::uint64_t list(NodeId id, const Node& node) {
    computed_[id] = exactly(node.count);
    return plus(children_cost(node), kCostOfList);
  }

  std::uint64_t call(NodeId id, const Node& node) {
    const Resolution& resolution = checked_.nodes[id];
    const auto arguments = syntax_.children(node).subspan(resolution.skips_target ? 1 : 0);
    std::uint64_t total = 0;
    for (const NodeId argument : arguments) total = plus(total, cost(argument));
    std::uint64_t most = 0;
    std::optional<Size> result;
    for (std::uint32_t i = 0; i < resolution.count; ++i) {
      const Overload& overload = *checked_.overloads[resolution.index + i];
      most = std::max(most, cost_of_overload(overload, arguments));
      if (const auto of_this = result_size(overload, arguments))
        result = result ? either(*result, *of_this) : of_this;
    }
    computed_[id] = result;
    return plus(total, most);
  }

  std::uint64_t cost_of_overload(const Overload& overload, std::span<const NodeId> arguments) {
    const std::uint64_t first = arguments.empty() ? 1 : size(arguments[0]).max;
    const std::uint64_t second = arguments.size() < 2 ? 1 : size(arguments[1]).max;
    switch (overload.cost) {
      case Cost::Scan: return scan(arguments[0], first);
      case Cost::JoinTexts: return scaled(joined_size(arguments).max, kOfByte);
      case Cost::ContainsIp:
      case Cost::ContainsIpText:
      case Cost::ContainsCidr:
      case Cost::ContainsCidrText: return cost_of_block(overload.cost, 16, second);
      case Cost::Shorter: return equality(arguments, first, second);
      default: return cost_by_size(overload.cost, first, second);
    }
  }

  // Of Kubernetes' own types it is one step.
  std::uint64_t equality(std::span<const NodeId> arguments, std::uint64_t first, std::uint64_t second) {
    const Type* type = checked_.nodes[arguments[0]].type;
    return type->kind >= Kind::Url ? 1 : cost_by_size(Cost::Shorter, first, second);
  }

  std::uint64_t scan(NodeId list, std::uint64_t count) {
    const Type* type = checked_.nodes[list].type;
    if (type->kind != Kind::List) return scaled(count, kOfByte);
    std::uint64_t of_element = 1;
    if (type->element->kind == Kind::String || type->element->kind == Kind::Bytes)
      of_element = plus(of_element, scaled(element_size(list).max, kOfByte));
    return times(count, of_element);
  }

  Size joined_size(std::span<const NodeId> arguments) const {
    const Size count = size(arguments[0]);
    Size all = count * element_size(arguments[0]);
    if (arguments.size() > 1) {
      const Size between{count.min > 0 ? count.min - 1 : 0, count.max > 0 ? count.max - 1 : 0};
      all = all + size(arguments[1]) * between;
    }
    return all;
  }

  Size replaced_size(std::span<const NodeId> arguments) const {
    const Size text = size(arguments[0]);
    const Size wanted = size(arguments[1]);
    const Size with = size(arguments[2]);
    std::uint64_t most = 0;
    std::uint64_t kept = 0;
    if (wanted.min == 0) {  // around every character
      most = plus(text.max, 1);
      kept = text.max;
    } else if (with.max <= wanted.min) {
      kept = text.max;
    } else {
      most = scaled(text.max, 1.0 / static_cast<double>(wanted.min));
    }
    return {0, plus(times(most, with.max), kept)};
  }

  std::optional<Size> result_size(const Overload& overload, std::span<const NodeId> arguments) const {
    const Size first = arguments.empty() ? Size() : size(arguments[0]);
    switch (overload.cost) {
      case Cost::Text: return first;
      case Cost::BothTexts:
      case Cost::BothLists: return first + size(arguments[1]);
      case Cost::ToBytes: return Size{first.min, times(first.max, 4)};
      case Cost::FromBytes: return Size{first.min / 4, first.max};
      case Cost::Quote: return Size{plus(first.min, 2), plus(times(first.max, 2), 2)};
      case Cost::JoinTexts: return joined_size(arguments);
      case Cost::Replace: return replaced_size(arguments);
      case Cost::RegexFind:
      case Cost::Copy:
      case Cost::Sort: return Size{0, first.max};
      case Cost::Split: {
        const Node* limit = arguments.size() > 2 ? &syntax_.node(arguments[2]) : nullptr;
        if (limit != nullptr && limit->op == Op::Int && limit->integer >= 0)
          return Size{0, static_cast<std::uint64_t>(limit->integer)};
        return Size{0, first.max};
      }
      default: return {};
    }
  }

  // As the specification explains macros: a loop with an accumulator, a condition, a step and a result.
  std::uint64_t fold(NodeId id, const Node& node) {
    std::uint64_t once = child_cost(node, 0);
    std::uint64_t each = child_cost(node, node.count - 1);
    if (node.has_condition) each = plus(each, child_cost(node, 1));
    const Size range = size(child(node, 0));
    switch (node.op) {
      case Op::All: each = plus(each, 3), once = plus(once, 1); break;
      case Op::Exists: each = plus(each, 4), once = plus(once, 1); break;
      case Op::ExistsOne: each = plus(each, 2), once = plus(once, 2); break;
      case Op::Transform: each = plus(each, kCostOfList + 2), once = plus(once, kCostOfList + 1); break;
      case Op::Filter: each = plus(each, kCostOfList + 3), once = plus(once, kCostOfList + 1); break;
      case Op::SortBy:
        each = plus(each, plus(kCostOfList + 2, times(2, range.max))), once = plus(once, kCostOfList + 2);
        break;
      case Op::TransformMap: each = plus(each, 3), once = plus(once, kCostOfMap + 1); break;
      default: each = plus(each, 2), once = plus(once, kCostOfMap + 1); break;
    }
    computed_[id] = node.op == Op::All || node.op == Op::Exists || node.op == Op::ExistsOne
                        ? exactly(1)
                        : Size{node.op == Op::Filter || node.has_condition ? 0 : range.min, range.max};
    return plus(once, times(range.max, each));
  }

  const Syntax& syntax_;
  const Checked& checked_;
  std::vector<std::optional<Size>> computed_;
};

}  // namespace

std::uint64_t cost_of(Cost cost, std::span<const Value> arguments, const Value& result, Memory& memory) {
  if (cost == Cost::One || cost == Cost::BothLists) return 1;
  if (cost == Cost::Scan) return cost_of_walk(arguments[0], memory);
  if (cost == Cost::Copy) return plus(result.is_error() ? 0 : size_of(result), kCostOfList + 1);
  if (cost == Cost::JoinTexts) return scaled(size_of(result), 2 * kOfByte);
  const std::uint64_t first = arguments.empty() ? 1 : size_of(arguments[0]);
  const std::uint64_t second = arguments.size() < 2 ? 1 : size_of(arguments[1]);
  if (cost == Cost::Shorter && arguments[0].kind() >= Kind::Url) return 1;
  return cost_by_size(cost, first, second);
}

std::uint64_t estimate_cost(const Syntax& syntax, const Checked& checked) {
  return Estimator(syntax, checked).cost(syntax.root());
}

}  // namespace gantry::kube::cel
