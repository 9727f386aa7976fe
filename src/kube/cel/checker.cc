// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/checker.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/duration.h"
#include "kube/cel/pattern.h"
#include "kube/cel/time_text.h"
#include "kube/cel/unify.h"

namespace gantry::kube::cel {
namespace {

const Type* json_patch_type() {
  static const Type kType{.kind = Kind::Object,
                          .name = std::string(kJsonPatchType),
                          .fields = {{"from", "from", basic(Kind::String)},
                                     {"op", "op", basic(Kind::String)},
                                     {"path", "path", basic(Kind::String)},
                                     {"value", "value", basic(Kind::Dyn)}}};
  return &kType;
}

class Checker {
 public:
  Checker(const Syntax& syntax, const Environment& environment, TypeArena& types)
      : syntax_(syntax), environment_(environment), types_(types) {
    checked_.nodes.resize(syntax.size());
  }

  std::expected<Checked, std::vector<Issue>> run() {
    (void)check(syntax_.root());
    if (!issues_.empty()) return std::unexpected(std::move(issues_));
    return std::move(checked_);
  }

 private:
  struct Local {
    std::string_view name;
    const Type* type;
    const Type* declared;
  };

  // Nothing more is said about what is already known to be wrong.
  const Type* fail(const Node& node, std::string message) {
    issues_.push_back({node.position, std::move(message)});
    return basic(Kind::Error);
  }

  Resolution& at(NodeId id) { return checked_.nodes[id]; }

  const Type* check(NodeId id) {
    const Type* type = type_of(id, syntax_.node(id));
    at(id).type = type;
    return type;
  }

  const Type* type_of(NodeId id, const Node& node) {
    switch (node.op) {
      case Op::Null: return basic(Kind::Null);
      case Op::Bool: return basic(Kind::Bool);
      case Op::Int: return basic(Kind::Int);
      case Op::Uint: return basic(Kind::Uint);
      case Op::Double: return basic(Kind::Double);
      case Op::String: return basic(Kind::String);
      case Op::Bytes: return basic(Kind::Bytes);
      case Op::Identifier: return identifier(id, node);
      case Op::Select: return select(id, node);
      case Op::OptionalSelect: return optional_select(id, node);
      case Op::Has: return has(id, node);
      case Op::Call: return call(id, node);
      case Op::And: return logic(node, "_&&_");
      case Op::Or: return logic(node, "_||_");
      case Op::Conditional: return conditional(node);
      case Op::List: return list(node);
      case Op::Map: return map(node);
      case Op::Make: return make(node);
      case Op::OptOr:
      case Op::OptOrValue: return optional_or(id, node);
      case Op::Bind: return bind(id, node);
      case Op::OptMap:
      case Op::OptFlatMap: return opt_map(id, node);
      default: return fold(id, node);
    }
  }

  // ---- names and fields

  const Type* identifier(NodeId id, const Node& node) {
    if (const Type* found = resolve(id, node.text)) return found;
    return fail(node, fmt::format("undeclared reference to '{}' (in container '')", node.text));
  }

  const Type* resolve(NodeId id, std::string_view name) {
    Resolution& resolution = at(id);
    for (std::size_t i = locals_.size(); i-- > 0;) {
      if (locals_[i].name != name) continue;
      resolution = {
          .meaning = Meaning::Local, .index = static_cast<std::uint32_t>(i), .declared = locals_[i].declared};
      return locals_[i].type;
    }
    if (const auto index = environment_.find(name)) {
      const Type* type = environment_.variables()[*index].type;
      resolution = {
          .meaning = Meaning::Variable, .index = static_cast<std::uint32_t>(*index), .declared = type};
      return type;
    }
    if (const Type* type = find_type(name)) {
      resolution = {.meaning = Meaning::Type, .index = static_cast<std::uint32_t>(type->kind)};
      return types_.type_of(type);
    }
    return nullptr;
  }

  // "google.protobuf.Timestamp", "authorizer.requestResource": a chain that may be one name, unless a macro's
  // variable is at its beginning.
  std::string qualified_name(const Node& node) {
    if (node.op == Op::Identifier) return is_local(node.text) ? "" : std::string(node.text);
    if (node.op != Op::Select) return "";
    std::string before = qualified_name(syntax_.node(syntax_.child(node, 0)));
    return before.empty() ? before : before.append(1, '.').append(node.text);
  }

  bool is_local(std::string_view name) const {
    return std::ranges::find(locals_, name, &Local::name) != locals_.end();
  }

  const Type* select(NodeId id, const Node& node) {
    if (const std::string name = qualified_name(node); !name.empty())
      if (const Type* found = resolve(id, name)) return found;
    const NodeId operand = syntax_.child(node, 0);
    const Type* type = check(operand);
    if (type->kind == Kind::Optional) return types_.optional_of(field(id, node, type->element));
    return field(id, node, type);
  }

  const Type* optional_select(NodeId id, const Node& node) {
    const Type* type = check(syntax_.child(node, 0));
    const Type* found = field(id, node, type->kind == Kind::Optional ? type->element : type);
    return types_.optional_of(found);
  }

  const Type* has(NodeId id, const Node& node) {
    const Type* type = check(syntax_.child(node, 0));
    const Type* found = field(id, node, type->kind == Kind::Optional ? type->element : type);
    return found->kind == Kind::Error ? found : basic(Kind::Bool);
  }

  const Type* field(NodeId id, const Node& node, const Type* of) {
    const Type* declared = at(syntax_.child(node, 0)).declared;
    switch (of->kind) {
      case Kind::Error: return of;
      case Kind::Dyn:
      case Kind::Param: return basic(Kind::Dyn);
      case Kind::Map: return of->element;  // estimates know what an index finds, but not this
      case Kind::Object:
        if (const TypeField* found = of->find(node.text)) {
          if (declared != nullptr) at(id).declared = found->type;
          return found->type;
        }
        if (of->has_any_field) return basic(Kind::Dyn);
        return fail(node, fmt::format("undefined field '{}'", node.text));
      default: return fail(node, fmt::format("type '{}' does not support field selection", describe(*of)));
    }
  }

  // ---- calls

  const Type* call(NodeId id, const Node& node) {
    if (node.is_member)
      if (const Type* result = namespaced_call(id, node)) return result;
    std::vector<const Type*> given;
    const bool was_format = std::exchange(is_format_, is_format_ || node.text == "format");
    for (const NodeId child : syntax_.children(node)) given.push_back(check(child));
    is_format_ = was_format;
    const Type* result = resolve_call(id, node, node.text, node.is_member, given);
    declare_element(id, node);
    check_literal(node);
    return result;
  }

  // "sets.contains(a, b)": null if what stands before the point is no namespace.
  const Type* namespaced_call(NodeId id, const Node& node) {
    std::string name = qualified_name(syntax_.node(syntax_.child(node, 0)));
    if (name.empty()) return nullptr;
    name.append(1, '.').append(node.text);
    if (overloads_of(name).empty()) return nullptr;
    std::vector<const Type*> given;
    for (const NodeId child : syntax_.children(node).subspan(1)) given.push_back(check(child));
    const Type* result = resolve_call(id, node, name, false, given);
    at(id).skips_target = true;
    return result;
  }

  std::span<const Overload> overloads_of(std::string_view name) const {
    const auto found = Library::standard().find(name);
    return found.empty() && environment_.allows_patches() ? Library::patches().find(name) : found;
  }

  const Type* resolve_call(NodeId id, const Node& node, std::string_view name, bool is_member,
                           const std::vector<const Type*>& given) {
    const auto is_wrong = [](const Type* type) { return type->kind == Kind::Error; };
    if (std::ranges::any_of(given, is_wrong)) return basic(Kind::Error);
    const auto overloads = overloads_of(name);
    if (overloads.empty())
      return fail(node, fmt::format("undeclared reference to '{}' (in container '')", name));
    Resolution& resolution = at(id);
    resolution.meaning = Meaning::Call;
    resolution.index = static_cast<std::uint32_t>(checked_.overloads.size());
    const Type* result = nullptr;
    for (const Overload& overload : overloads) {
      if (overload.is_member != is_member || overload.parameters.size() != given.size()) continue;
      const Type* of_this = result_of(overload, given);
      if (of_this == nullptr) continue;
      checked_.overloads.push_back(&overload);
      ++resolution.count;
      result = result == nullptr || is_equal(*result, *of_this) ? of_this : basic(Kind::Dyn);
    }
    return result == nullptr ? no_overload(node, name, is_member, given) : result;
  }

  const Type* result_of(const Overload& overload, const std::vector<const Type*>& given) {
    Bindings bindings(types_);
    for (std::size_t i = 0; i < given.size(); ++i)
      if (!bindings.unify(overload.parameters[i], given[i])) return nullptr;
    return bindings.apply(overload.result);
  }

  const Type* no_overload(const Node& node, std::string_view name, bool is_member,
                          std::span<const Type* const> given) {
    std::string signature;
    if (is_member) {
      signature = describe(*given.front()) + ".";
      given = given.subspan(1);
    }
    signature += '(';
    for (std::size_t i = 0; i < given.size(); ++i)
      signature.append(i == 0 ? "" : ", ").append(describe(*given[i]));
    return fail(node, fmt::format("found no matching overload for '{}' applied to '{})'", name, signature));
  }

  // What an index finds is declared where the list is.
  void declare_element(NodeId id, const Node& node) {
    if (node.text != "_[_]") return;
    const Type* declared = at(syntax_.child(node, 0)).declared;
    if (declared != nullptr && (declared->kind == Kind::List || declared->kind == Kind::Map))
      at(id).declared = declared->element;
  }

  // A literal that can never be read is told of now.
  void check_literal(const Node& node) {
    if (node.count == 0) return;
    const auto literal = [&](std::size_t index) -> const Node* {
      const Node& child = syntax_.node(syntax_.child(node, index));
      return child.op == Op::String ? &child : nullptr;
    };
    const Node* first = node.is_member ? nullptr : literal(0);
    if (first != nullptr && node.text == "duration" && !parse_duration(first->text))
      (void)fail(*first, "invalid duration argument");
    if (first != nullptr && node.text == "timestamp" && !parse_instant(first->text))
      (void)fail(*first, "invalid timestamp argument");
    const Node& given = syntax_.node(syntax_.child(node, 0));
    if (node.text == "timestamp" && !node.is_member && given.op == Op::Int &&
        (given.integer < kFirstSecond || given.integer > kLastSecond))
      (void)fail(given, "invalid timestamp argument");
    const bool is_regex = node.text == "matches" || node.text == "find" || node.text == "findAll";
    const Node* second = is_regex && node.count > 1 ? literal(1) : nullptr;
    if (second != nullptr && !Pattern::compile(second->text))
      (void)fail(*second, fmt::format("invalid {} argument", node.text));
  }

  // ---- operators that do not look at all operands

  const Type* logic(const Node& node, std::string_view name) {
    std::vector<const Type*> given;
    for (const NodeId child : syntax_.children(node)) given.push_back(check(child));
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (is_bool(given[i])) continue;
      const std::size_t pair = i == 0 ? 0 : i - 1;
      return no_overload(node, name, false, std::span(given).subspan(pair, 2));
    }
    return basic(Kind::Bool);
  }

  static bool is_bool(const Type* type) {
    return type->kind == Kind::Bool || type->kind == Kind::Dyn || type->kind == Kind::Error ||
           type->kind == Kind::Param;
  }

  const Type* conditional(const Node& node) {
    const Type* given[] = {check(syntax_.child(node, 0)), check(syntax_.child(node, 1)),
                           check(syntax_.child(node, 2))};
    const Type* joined = join(given[1], given[2], types_);
    if (joined != nullptr && is_bool(given[0])) return joined;
    return no_overload(node, "_?_:_", false, given);
  }

  // ---- literals

  // The type of what stands behind a question mark, of which `wanted` is what it is for.
  const Type* optional_value(NodeId id, const Type* wanted) {
    const Type* type = check(id);
    if (type->kind == Kind::Optional) return type->element;
    if (type->kind == Kind::Dyn || type->kind == Kind::Error) return type;
    return fail(syntax_.node(id), fmt::format("expected type 'optional_type({})' but found '{}'",
                                              describe(*wanted), describe(*type)));
  }

  // All of one type, as Kubernetes asks; but dyn goes with everything, and so do a format's arguments.
  const Type* element_type(NodeId id, const Type* known, bool is_optional) {
    const Type* type = is_optional ? optional_value(id, known) : check(id);
    if (const Type* joined = join(known, type, types_)) return joined;
    if (is_format_) return basic(Kind::Dyn);
    return fail(syntax_.node(id),
                fmt::format("expected type '{}' but found '{}'", describe(*known), describe(*type)));
  }

  const Type* list(const Node& node) {
    const Type* element = open_type();
    for (std::size_t i = 0; i < node.count; ++i)
      element = element_type(syntax_.child(node, i), element, syntax_.is_optional(node, i));
    return types_.list_of(element);
  }

  const Type* map(const Node& node) {
    const Type* key = open_type();
    const Type* value = open_type();
    for (std::size_t i = 0; i + 1 < node.count; i += 2) {
      key = element_type(syntax_.child(node, i), key, false);
      value = element_type(syntax_.child(node, i + 1), value, syntax_.is_optional(node, i / 2));
    }
    const bool is_key = key->kind == Kind::Bool || key->kind == Kind::Int || key->kind == Kind::Uint ||
                        key->kind == Kind::String || key->kind == Kind::Dyn || key->kind == Kind::Param ||
                        key->kind == Kind::Error;
    if (!is_key) return fail(node, fmt::format("unsupported map key type: {}", describe(*key)));
    return types_.map_of(key, value);
  }

  // ---- objects

  // Null: there is none of that name.
  const Type* type_to_make(std::string_view name) {
    if (!environment_.allows_patches()) return nullptr;
    if (name == kJsonPatchType) return json_patch_type();
    if (name != kObjectType && !name.starts_with("Object.")) return nullptr;
    return types_.add({.kind = Kind::Object, .name = std::string(name), .has_any_field = true});
  }

  const Type* make(const Node& node) {
    const Type* type = type_to_make(node.text);
    if (type == nullptr)
      return fail(node, fmt::format("undeclared reference to '{}' (in container '')", node.text));
    std::set<std::string_view> names;
    for (std::size_t i = 0; i + 1 < node.count; i += 2) {
      const Node& name = syntax_.node(syntax_.child(node, i));
      if (!names.insert(name.text).second) (void)fail(name, fmt::format("repeated field '{}'", name.text));
      check_field(*type, name, syntax_.child(node, i + 1), syntax_.is_optional(node, i / 2));
    }
    return type;
  }

  void check_field(const Type& of, const Node& name, NodeId value, bool is_optional) {
    const TypeField* field = of.find(name.text);
    const Type* wanted = field == nullptr ? basic(Kind::Dyn) : field->type;
    const Type* type = is_optional ? optional_value(value, wanted) : check(value);
    if (field == nullptr && !of.has_any_field)
      (void)fail(name, fmt::format("undefined field '{}'", name.text));
    else if (type->kind != Kind::Error && !Bindings(types_).unify(wanted, type))
      (void)fail(name, fmt::format("expected type of field '{}' is '{}' but provided type is '{}'", name.text,
                                   describe(*wanted), describe(*type)));
  }

  // ---- macros

  // The body's type, with the variables in scope.
  const Type* with_locals(NodeId id, std::initializer_list<Local> locals, NodeId body) {
    at(id).index = static_cast<std::uint32_t>(locals_.size());
    at(id).meaning = Meaning::Local;
    locals_.insert(locals_.end(), locals);
    checked_.locals = std::max(checked_.locals, static_cast<std::uint32_t>(locals_.size()));
    const Type* type = check(body);
    locals_.resize(locals_.size() - locals.size());
    return type;
  }

  const Type* bind(NodeId id, const Node& node) {
    const NodeId value = syntax_.child(node, 0);
    const Type* type = check(value);
    return with_locals(id, {{node.text, type, at(value).declared}}, syntax_.child(node, 1));
  }

  const Type* opt_map(NodeId id, const Node& node) {
    const Type* target = check(syntax_.child(node, 0));
    if (target->kind == Kind::Error) return target;
    if (target->kind != Kind::Optional && target->kind != Kind::Dyn)
      return no_overload(node, node.op == Op::OptMap ? "optMap" : "optFlatMap", true, std::span(&target, 1));
    const Type* element = target->kind == Kind::Optional ? target->element : target;
    const Type* body = with_locals(id, {{node.text, element, nullptr}}, syntax_.child(node, 1));
    if (node.op == Op::OptMap) return types_.optional_of(body);
    if (body->kind == Kind::Optional || body->kind == Kind::Dyn || body->kind == Kind::Error) return body;
    return fail(node, fmt::format("expected type 'optional_type' but found '{}'", describe(*body)));
  }

  const Type* optional_or(NodeId id, const Node& node) {
    const std::vector<const Type*> given = {check(syntax_.child(node, 0)), check(syntax_.child(node, 1))};
    return resolve_call(id, node, node.text, true, given);
  }

  struct Range {
    Local first, second;
  };

  // What the variables of a macro are: one of a list its elements, of a map its keys; two index and element,
  // or key and value.
  std::optional<Range> range_of(const Node& node, const Type* type, const Type* declared) {
    const bool has_two = !node.second.empty();
    const Type* element = declared == nullptr ? nullptr : declared->element;
    const Type* key = declared == nullptr ? nullptr : declared->key;
    switch (type->kind) {
      case Kind::List:
        if (!has_two) return Range{{node.text, type->element, element}, {}};
        return Range{{node.text, basic(Kind::Int), nullptr}, {node.second, type->element, element}};
      case Kind::Map: return Range{{node.text, type->key, key}, {node.second, type->element, element}};
      case Kind::Dyn:
      case Kind::Param:
      case Kind::Error:
        return Range{{node.text, basic(Kind::Dyn), nullptr}, {node.second, basic(Kind::Dyn), nullptr}};
      default: return {};
    }
  }

  const Type* fold(NodeId id, const Node& node) {
    const NodeId range_id = syntax_.child(node, 0);
    const Type* type = check(range_id);
    const auto range = range_of(node, type, at(range_id).declared);
    if (!range)
      return fail(
          syntax_.node(range_id),
          fmt::format("expression of type '{}' cannot be range of a comprehension (must be list, map, or "
                      "dynamic)",
                      describe(*type)));
    const auto check_with_range = [&](std::size_t child) {
      const NodeId body = syntax_.child(node, child);
      if (node.second.empty()) return with_locals(id, {range->first}, body);
      return with_locals(id, {range->first, range->second}, body);
    };
    if (node.has_condition) expect_bool(node, check_with_range(1));
    const Type* body = check_with_range(node.count - 1);
    return result_of_fold(node, *range, body);
  }

  void expect_bool(const Node& node, const Type* type) {
    if (!is_bool(type)) (void)fail(node, fmt::format("expected type 'bool' but found '{}'", describe(*type)));
  }

  const Type* result_of_fold(const Node& node, const Range& range, const Type* body) {
    switch (node.op) {
      case Op::All:
      case Op::Exists:
      case Op::ExistsOne: expect_bool(node, body); return basic(Kind::Bool);
      case Op::SortBy: return types_.list_of(range.first.type);
      case Op::Filter: expect_bool(node, body); return types_.list_of(range.first.type);
      case Op::Transform: return types_.list_of(body);
      case Op::TransformMap: return types_.map_of(range.first.type, body);
      default:
        if (body->kind == Kind::Map || body->kind == Kind::Dyn || body->kind == Kind::Error) return body;
        return fail(node, fmt::format("expected type 'map' but found '{}'", describe(*body)));
    }
  }

  const Syntax& syntax_;
  const Environment& environment_;
  TypeArena& types_;
  Checked checked_;
  std::vector<Local> locals_;
  std::vector<Issue> issues_;
  bool is_format_ = false;  // we are in the arguments of format()
};

}  // namespace

std::expected<Checked, std::vector<Issue>> check(const Syntax& syntax, const Environment& environment,
                                                 TypeArena& types) {
  return Checker(syntax, environment, types).run();
}

}  // namespace gantry::kube::cel
