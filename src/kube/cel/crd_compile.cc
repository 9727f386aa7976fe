// SPDX-License-Identifier: Apache-2.0
//
// From a schema to compiled rules, with what Kubernetes says of rules that it does not take.
#include <algorithm>

#include <fmt/format.h>

#include "base/trim.h"
#include "kube/cel/crd_rule_tree.h"
#include "kube/cel/crd_rules.h"
#include "kube/cel/field_cause.h"
#include "kube/cel/field_path.h"
#include "kube/cel/schema_type.h"

namespace gantry::kube::cel {
namespace {

constexpr std::string_view kRules = "x-kubernetes-validations";
constexpr std::string_view kReasons[] = {"FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid",
                                         "FieldValueRequired"};

bool has_line_break(std::string_view text) { return text.find_first_of("\r\n") != std::string_view::npos; }

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? kUnbounded : result;
}

// How a refused rule is shown: all that it says.
std::string shown(const json::Tree& rule) {
  json::Writer writer;
  const auto add = [&](std::string_view name, std::string_view key, bool is_text) {
    const json::Tree* value = rule.find(key);
    writer.key(name);
    if (value != nullptr)
      value->write_to(writer);
    else if (is_text)
      writer.value("");
    else
      writer.null();
  };
  writer.begin_object();
  add("Rule", "rule", true);
  add("Message", "message", true);
  add("MessageExpression", "messageExpression", true);
  add("Reason", "reason", false);
  add("FieldPath", "fieldPath", true);
  add("OptionalOldSelf", "optionalOldSelf", false);
  writer.end_object();
  return std::move(writer).text();
}

// "exceeds budget by factor of 1.6x".
std::string cost_message(std::string_view what, std::uint64_t cost, std::uint64_t limit) {
  const double factor = static_cast<double>(cost) / static_cast<double>(limit);
  const std::string text = factor > 100   ? "more than 100x"
                           : factor < 1.5 ? fmt::format("{:.6f}x", factor)
                                          : fmt::format("{:.1f}x", factor);
  return fmt::format(
      "{} exceeds budget by factor of {} (try simplifying the rule, or adding maxItems, maxProperties, and "
      "maxLength where arrays, maps, and strings are declared)",
      what, text);
}

// All rules of a schema together.
struct TotalCost {
  struct Expensive {
    std::string path;
    std::uint64_t cost;
  };
  std::uint64_t total = 0;
  std::vector<Expensive> most_expensive;

  void add(const std::string& path, std::uint64_t cost) {
    total = kUnbounded - total < cost ? kUnbounded : total + cost;
    if (cost < kEstimatedCostOfSchema / 100) return;
    most_expensive.push_back({path, cost});
    std::ranges::stable_sort(most_expensive, std::greater<>(), &Expensive::cost);
    if (most_expensive.size() > 4) most_expensive.resize(4);
  }
};

// Where in the schema we are: how often a value may be there, and whether its old one can be found.
struct Place {
  std::string path;
  std::optional<std::uint64_t> count = 1;  // nothing: without a limit
  std::string uncorrelatable;  // the path of a list whose elements cannot be told apart; empty: none
};

class RuleCompiler {
 public:
  RuleCompiler(TypeArena& types, std::vector<Cause>& causes) : types_(types), causes_(causes) {}

  // `nodes`: the schema that says what the values are; `schema` may be one of its allOf, which only adds
  // rules.
  std::unique_ptr<CrdRuleNode> compile(const json::Tree& schema, const json::Tree& nodes, const Place& place,
                                       const Type* type) {
    auto node = std::make_unique<CrdRuleNode>();
    node->type = type;
    node->json_type = nodes.text_at("type");
    describe_list(*node, nodes);
    compile_own_rules(*node, schema, nodes, place);
    compile_children(*node, schema, nodes, place);
    compile_all_of(*node, schema, nodes, place);
    if (node->is_empty()) node.reset();
    return node;
  }

  void judge_total(const std::string& path) {
    if (total_.total <= kEstimatedCostOfSchema) return;
    for (const TotalCost::Expensive& rule : total_.most_expensive)
      causes_.push_back(forbidden_field(
          rule.path,
          "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"));
    causes_.push_back(forbidden_field(
        path, cost_message("x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema",
                           total_.total, kEstimatedCostOfSchema)));
  }

 private:
  // ---- the way down

  static void describe_list(CrdRuleNode& node, const json::Tree& nodes) {
    node.is_map_list = nodes.text_at("x-kubernetes-list-type") == "map";
    const json::Tree* keys = nodes.find("x-kubernetes-list-map-keys");
    if (!node.is_map_list || keys == nullptr) return;
    for (const json::Tree& key : keys->array()) {
      node.list_keys.emplace_back(key.as_string());
      const json::Tree* property = nodes.find("items", "properties", key.as_string());
      const json::Tree* fallback = property == nullptr ? nullptr : property->find("default");
      if (fallback != nullptr) node.key_defaults[node.list_keys.back()] = *fallback;
    }
  }

  void compile_children(CrdRuleNode& node, const json::Tree& schema, const json::Tree& nodes,
                        const Place& place) {
    const json::Tree* items = schema.find("items");
    if (items != nullptr && nodes.find("items") != nullptr)
      node.items = compile(*items, *nodes.find("items"), below_list(nodes, place), element_of(node.type));
    const json::Tree* values = schema.find("additionalProperties");
    const json::Tree* node_values = nodes.find("additionalProperties");
    if (values != nullptr && values->is_object() && node_values != nullptr && node_values->is_object())
      node.values = compile(*values, *node_values, below_map(nodes, place), element_of(node.type));
    const json::Tree* properties = schema.find("properties");
    if (properties == nullptr) return;
    for (const auto& [name, property] : properties->object()) {
      const json::Tree* node_property = nodes.find("properties", name);
      if (node_property == nullptr) continue;
      const Place below{fmt::format("{}.properties[{}]", place.path, name), place.count,
                        place.uncorrelatable};
      if (auto child = compile(property, *node_property, below, property_of(node.type, name, *node_property)))
        node.properties[name] = std::move(child);
    }
  }

  void compile_all_of(CrdRuleNode& node, const json::Tree& schema, const json::Tree& nodes,
                      const Place& place) {
    const json::Tree* all_of = schema.find("allOf");
    if (all_of == nullptr) return;
    for (std::size_t i = 0; i < all_of->array().size(); ++i) {
      const Place at{fmt::format("{}.allOf[{}]", place.path, i), place.count, place.uncorrelatable};
      if (auto child = compile(all_of->array()[i], nodes, at, node.type))
        node.all_of.push_back(std::move(child));
    }
  }

  static const Type* element_of(const Type* type) {
    const bool has_elements = type != nullptr && (type->kind == Kind::List || type->kind == Kind::Map);
    return has_elements ? type->element : nullptr;
  }

  // A property that no expression can name has a type of its own all the same.
  const Type* property_of(const Type* type, const std::string& name, const json::Tree& schema) {
    const auto escaped = escape_property(name);
    if (!escaped) return type_of_schema(schema, is_embedded_resource(schema), "object", types_);
    if (type == nullptr || type->kind != Kind::Object) return nullptr;
    const TypeField* field = type->find(*escaped);
    return field == nullptr ? nullptr : field->type;
  }

  static std::optional<std::uint64_t> as_often(const json::Tree& nodes, std::string_view limit,
                                               const Place& place) {
    const json::Tree* most = nodes.find(limit);
    if (!place.count || most == nullptr || !most->as_int64()) return {};
    return times(*place.count, static_cast<std::uint64_t>(std::max<std::int64_t>(0, *most->as_int64())));
  }

  // Only elements of a list of kind map can be found again in the list that there was.
  static Place below_list(const json::Tree& nodes, const Place& place) {
    Place below{place.path + ".items", as_often(nodes, "maxItems", place), place.uncorrelatable};
    if (below.uncorrelatable.empty() && nodes.text_at("x-kubernetes-list-type") != "map")
      below.uncorrelatable = place.path;
    return below;
  }

  static Place below_map(const json::Tree& nodes, const Place& place) {
    return {place.path + ".additionalProperties", as_often(nodes, "maxProperties", place),
            place.uncorrelatable};
  }

  // ---- the rules of one schema

  void compile_own_rules(CrdRuleNode& node, const json::Tree& schema, const json::Tree& nodes,
                         const Place& place) {
    const json::Tree* rules = schema.find(kRules);
    if (rules == nullptr) return;
    for (std::size_t i = 0; i < rules->array().size(); ++i) {
      const std::string path = fmt::format("{}.{}[{}]", place.path, kRules, i);
      const json::Tree& rule = rules->array()[i];
      if (!is_well_formed(rule, nodes, path)) continue;
      if (node.type == nullptr)
        causes_.push_back(
            invalid_field(path + ".rule", "a schema with rules must have a type that rules can see"));
      else
        compile_rule(node, rule, nodes, place, path);
    }
  }

  bool is_well_formed(const json::Tree& rule, const json::Tree& nodes, const std::string& path) {
    const std::size_t before = causes_.size();
    const std::string_view text = trimmed(rule.text_at("rule"));
    const std::string_view message = rule.text_at("message");
    if (text.empty())
      causes_.push_back(required_field(path + ".rule", "rule is not specified"));
    else if (!message.empty() && trimmed(message).empty())
      causes_.push_back(
          invalid_field(path + ".message", json::Tree(message), "must be non-empty if specified"));
    else if (has_line_break(trimmed(message)))
      causes_.push_back(
          invalid_field(path + ".message", json::Tree(message), "must not contain line breaks"));
    else if (has_line_break(text) && trimmed(message).empty())
      causes_.push_back(
          required_field(path + ".message", "message must be specified if rule contains line breaks"));
    check_message_expression(rule, path);
    check_reason(rule, path);
    check_field_path(rule, nodes, path);
    return causes_.size() == before;
  }

  void check_message_expression(const json::Tree& rule, const std::string& path) {
    const std::string_view expression = rule.text_at("messageExpression");
    if (!expression.empty() && trimmed(expression).empty())
      causes_.push_back(
          required_field(path + ".messageExpression", "messageExpression must be non-empty if specified"));
  }

  void check_reason(const json::Tree& rule, const std::string& path) {
    const json::Tree* reason = rule.find("reason");
    if (reason == nullptr || reason->is_null()) return;
    if (std::ranges::find(kReasons, reason->as_string()) == std::end(kReasons))
      causes_.push_back(
          unsupported_field(path + ".reason", reason->as_string(),
                            "\"FieldValueDuplicate\", \"FieldValueForbidden\", \"FieldValueInvalid\", "
                            "\"FieldValueRequired\""));
  }

  void check_field_path(const json::Tree& rule, const json::Tree& nodes, const std::string& path) {
    const std::string_view field = rule.text_at("fieldPath");
    if (field.empty()) return;
    const json::Tree shown_field(field);
    if (trimmed(field).empty())
      causes_.push_back(invalid_field(path + ".fieldPath", shown_field, "must be non-empty if specified"));
    if (has_line_break(field))
      causes_.push_back(invalid_field(path + ".fieldPath", shown_field, "must not contain line breaks"));
    if (!field_of_path(field, nodes))
      causes_.push_back(invalid_field(path + ".fieldPath", shown_field, "must be a valid path"));
  }

  void compile_rule(CrdRuleNode& node, const json::Tree& rule, const json::Tree& nodes, const Place& place,
                    const std::string& path) {
    const json::Tree* optional = rule.find("optionalOldSelf");
    const bool has_optional = optional != nullptr && optional->as_bool();
    Environment environment;
    environment.declare("self", node.type)
        .declare("oldSelf", has_optional ? types_.optional_of(node.type) : node.type);
    auto program = compile_text(rule, "rule", Kind::Bool, environment, node, place, path);
    if (!program) return;
    CrdRule compiled{.rule = std::move(*program)};
    compiled.uses_old_self = compiled.rule.uses(1);
    compiled.has_optional_old_self = has_optional;
    check_old_self(compiled, rule, place, path);
    if (!rule.text_at("messageExpression").empty())
      compiled.message_expression =
          compile_text(rule, "messageExpression", Kind::String, environment, node, place, path);
    compiled.has_message = !rule.text_at("message").empty();
    compiled.message = trimmed(rule.text_at(compiled.has_message ? "message" : "rule"));
    compiled.reason = rule.text_at("reason");
    compiled.field = field_of_path(rule.text_at("fieldPath"), nodes).value_or("");
    node.rules.push_back(std::move(compiled));
  }

  std::optional<Program> compile_text(const json::Tree& rule, const std::string& key, Kind kind,
                                      const Environment& environment, const CrdRuleNode& node,
                                      const Place& place, const std::string& path) {
    const bool is_rule = key == "rule";
    const auto refuse = [&](std::string_view detail) {
      causes_.push_back(
          invalid_field(fmt::format("{}.{}", path, key), fmt::format("{}: {}", shown(rule), detail)));
      return std::nullopt;
    };
    auto program = cel::compile(rule.text_at(key), environment);
    if (!program)
      return refuse(fmt::format("{}compilation failed: {}", is_rule ? "" : "messageExpression ",
                                program.error().message()));
    if (program->result_kind() != kind)
      return refuse(is_rule ? "cel expression must evaluate to a bool"
                            : "messageExpression must evaluate to a string");
    judge_cost(*program, is_rule, node, place, fmt::format("{}.{}", path, key));
    return std::move(*program);
  }

  // A rule runs as often as its value may be there; without limits as often as a request has room for it.
  void judge_cost(const Program& program, bool is_rule, const CrdRuleNode& node, const Place& place,
                  const std::string& path) {
    const std::uint64_t count = place.count.value_or(kRequestBytes / (node.type->min_size + 1));
    const std::uint64_t cost = is_rule ? times(program.estimated_cost(), count) : program.estimated_cost();
    if (cost > kEstimatedCostOfRule)
      causes_.push_back(forbidden_field(
          path, cost_message(is_rule ? "estimated rule cost" : "estimated messageExpression cost", cost,
                             kEstimatedCostOfRule)));
    total_.add(path, cost);
  }

  void check_old_self(const CrdRule& compiled, const json::Tree& rule, const Place& place,
                      const std::string& path) {
    const json::Tree* optional = rule.find("optionalOldSelf");
    if (compiled.uses_old_self && !place.uncorrelatable.empty())
      causes_.push_back(invalid_field(
          path + ".rule", json::Tree(rule.text_at("rule")),
          fmt::format("oldSelf cannot be used on the uncorrelatable portion of the schema within {}",
                      place.uncorrelatable)));
    if (!compiled.uses_old_self && optional != nullptr && !optional->is_null())
      causes_.push_back(invalid_field(path + ".optionalOldSelf", *optional,
                                      "may not be set if oldSelf is not used in rule"));
  }

  TypeArena& types_;
  std::vector<Cause>& causes_;
  TotalCost total_;
};

bool has_rules(const json::Tree& schema) {
  if (schema.is_array()) return std::ranges::any_of(schema.array(), has_rules);
  return std::ranges::any_of(
      schema.object(), [](const auto& member) { return member.first == kRules || has_rules(member.second); });
}

}  // namespace

std::unique_ptr<CrdRuleNode> compile_rules(const json::Tree& schema, const std::string& path,
                                           TypeArena& types, std::vector<Cause>& causes) {
  if (!has_rules(schema)) return nullptr;
  RuleCompiler compiler(types, causes);
  auto root = compiler.compile(schema, schema, {.path = path}, type_of_schema(schema, true, "object", types));
  compiler.judge_total(path);
  return root;
}

}  // namespace gantry::kube::cel
