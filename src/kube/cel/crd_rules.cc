// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/crd_rules.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/trim.h"
#include "kube/cel/crd_rule_tree.h"
#include "kube/cel/field_cause.h"

namespace gantry::kube::cel {

struct CrdRules::State {
  TypeArena types;
  std::unique_ptr<CrdRuleNode> root;  // null: no rules
};

namespace {

constexpr std::size_t kMessageBytes = 5 * 1024;  // of a message that was computed

// A value and what it was before. Where nothing can be said of the value itself (an element of a list that
// has no keys), its nearest ancestor counts for whether anything changed.
struct Pair {
  const json::Tree* now = nullptr;
  const json::Tree* before = nullptr;  // null: there was none, or it cannot be found
  const json::Tree* ancestor_now = nullptr;
  const json::Tree* ancestor_before = nullptr;

  bool is_unchanged() const {
    if (before != nullptr) return *now == *before;
    return ancestor_before != nullptr && *ancestor_now == *ancestor_before;
  }
  Pair below(const json::Tree* child, const json::Tree* child_before) const {
    if (before == nullptr) return {child, nullptr, ancestor_now, ancestor_before};
    return {child, child_before, now, before};
  }
};

// The elements that there were, by their keys.
class OldElements {
 public:
  OldElements(const CrdRuleNode& node, const json::Tree* before) : node_(node) {
    if (before == nullptr || !node.is_map_list) return;
    for (const json::Tree& element : before->array()) by_key_.emplace(key_of(element), &element);
  }
  const json::Tree* find(const json::Tree& element) const {
    if (by_key_.empty()) return nullptr;
    const auto found = by_key_.find(key_of(element));
    return found == by_key_.end() ? nullptr : found->second;
  }

 private:
  std::string key_of(const json::Tree& element) const {
    std::string key;
    for (const std::string& name : node_.list_keys) {
      const json::Tree* value = element.find(name);
      const auto fallback = node_.key_defaults.find(name);
      if (value == nullptr && fallback != node_.key_defaults.end()) value = &fallback->second;
      if (value != nullptr) key += value->to_text();
      key += '\n';
    }
    return key;
  }

  const CrdRuleNode& node_;
  std::map<std::string, const json::Tree*, std::less<>> by_key_;
};

class RuleCheck {
 public:
  explicit RuleCheck(CrdRules::Findings& findings) : findings_(findings) {}

  void check(const CrdRuleNode& node, const std::string& path, const Pair& pair) {
    // Rules are about values that are there: of null the schema around it speaks.
    if (is_over_ || pair.now->is_null()) return;
    if (!node.rules.empty()) check_rules(node, path, pair);
    Pair of_all = pair;
    of_all.ancestor_now = pair.now, of_all.ancestor_before = pair.before;
    for (const auto& all_of : node.all_of) check(*all_of, path, of_all);
    if (pair.now->is_array())
      check_elements(node, path, pair);
    else if (pair.now->is_object())
      check_members(node, path, pair);
  }

 private:
  void check_elements(const CrdRuleNode& node, const std::string& path, const Pair& pair) {
    if (!node.items) return;
    const OldElements old_elements(node, pair.before);
    const json::TreeArray& elements = pair.now->array();
    for (std::size_t i = 0; i < elements.size() && !is_over_; ++i)
      check(*node.items, fmt::format("{}[{}]", path, i),
            pair.below(&elements[i], old_elements.find(elements[i])));
  }

  void check_members(const CrdRuleNode& node, const std::string& path, const Pair& pair) {
    const auto old_member = [&](std::string_view name) {
      return pair.before == nullptr ? nullptr : pair.before->find(name);
    };
    if (node.values)
      for (const auto& [name, value] : pair.now->object())
        check(*node.values, fmt::format("{}[{}]", path, name), pair.below(&value, old_member(name)));
    for (const auto& [name, child] : node.properties)
      if (const json::Tree* value = pair.now->find(name))
        check(*child, path.empty() ? name : fmt::format("{}.{}", path, name),
              pair.below(value, old_member(name)));
  }

  void check_rules(const CrdRuleNode& node, const std::string& path, const Pair& pair) {
    Memory memory;
    const Value self = Value::of_tree(*pair.now, node.type, memory);
    const bool has_old = pair.before != nullptr && !pair.before->is_null();
    const Value old_self = has_old ? Value::of_tree(*pair.before, node.type, memory) : Value();
    const Value optional_old_self = has_old ? Value::of_some(old_self, memory) : Value::of_none();
    for (const CrdRule& rule : node.rules) {
      if (rule.uses_old_self && !has_old && !rule.has_optional_old_self) continue;
      const Value variables[] = {self, rule.has_optional_old_self ? optional_old_self : old_self};
      check_rule(rule, node, path, pair, variables, memory);
      if (is_over_) return;
    }
  }

  void check_rule(const CrdRule& rule, const CrdRuleNode& node, const std::string& path, const Pair& pair,
                  std::span<const Value> variables, Memory& memory) {
    const Value result = rule.rule.evaluate(variables, budget_, memory);
    if (budget_.is_exhausted)
      return stop(
          node, path,
          "validation failed due to running out of cost budget, no further validation rules will be run");
    if (result.is_error()) return tell_error(rule, node, path, result.text());
    if (result.is_true()) return;
    const std::string field = rule.field.empty() ? path
                              : path.empty()     ? rule.field
                                                 : fmt::format("{}.{}", path, rule.field);
    const auto detail = message_of(rule, node, field, variables, memory);
    if (!detail) return;
    tell(rule, pair, cause_of(rule, node, field, *pair.now, *detail));
  }

  // What did not change was let in when the rule was another.
  void tell(const CrdRule& rule, const Pair& pair, Cause cause) {
    if (!rule.uses_old_self && pair.is_unchanged())
      findings_.warnings.push_back(cause.field.empty() ? cause.message
                                                       : fmt::format("{}: {}", cause.field, cause.message));
    else
      findings_.causes.push_back(std::move(cause));
  }

  static Cause cause_of(const CrdRule& rule, const CrdRuleNode& node, const std::string& field,
                        const json::Tree& value, std::string_view detail) {
    const bool is_shown = node.json_type != "object" && node.json_type != "array";
    if (rule.reason == "FieldValueForbidden") return forbidden_field(field, detail);
    if (rule.reason == "FieldValueRequired") return required_field(field, detail);
    if (rule.reason == "FieldValueDuplicate") return duplicate_field(field, is_shown ? &value : nullptr);
    return is_shown ? invalid_field(field, value, detail) : invalid_field(field, detail);
  }

  void add(const CrdRuleNode& node, const std::string& path, std::string_view detail) {
    findings_.causes.push_back(invalid_field(path, json::Tree(node.json_type), detail));
  }

  void stop(const CrdRuleNode& node, const std::string& path, std::string_view detail) {
    add(node, path, detail);
    is_over_ = true;
  }

  void tell_error(const CrdRule& rule, const CrdRuleNode& node, const std::string& path,
                  std::string_view error) {
    if (error.starts_with(kCostLimitExceeded))
      return stop(
          node, path,
          fmt::format("'{}': no further validation rules will be run due to call cost exceeds limit for "
                      "rule: {}",
                      error, rule.message));
    if (error.starts_with("no such overload"))
      return add(
          node, path,
          fmt::format("'{}': call arguments did not match a supported operator, function or macro signature "
                      "for rule: {}",
                      error, rule.message));
    add(node, path, fmt::format("{} evaluating rule: {}", error, rule.message));
  }

  // Nothing if checking is over. A message that cannot be computed is replaced by the one that is written.
  std::optional<std::string> message_of(const CrdRule& rule, const CrdRuleNode& node,
                                        const std::string& field, std::span<const Value> variables,
                                        Memory& memory) {
    if (rule.message_expression) {
      const Value computed = rule.message_expression->evaluate(variables, budget_, memory);
      if (budget_.is_exhausted) {
        stop(node, field,
             "messageExpression evaluation failed due to running out of cost budget, no further validation "
             "rules "
             "will be run");
        return {};
      }
      if (computed.is_error() && computed.text().starts_with(kCostLimitExceeded)) {
        stop(node, field,
             fmt::format("no further validation rules will be run due to call cost exceeds limit for "
                         "messageExpression: \"{}\"",
                         rule.message_expression->text()));
        return {};
      }
      const std::string_view text =
          computed.kind() == Kind::String ? trimmed(computed.text()) : std::string_view();
      if (!text.empty() && text.size() <= kMessageBytes && text.find('\n') == std::string_view::npos)
        return std::string(text);
    }
    return rule.has_message ? rule.message : fmt::format("failed rule: {}", rule.message);
  }

  CrdRules::Findings& findings_;
  Budget budget_;
  bool is_over_ = false;
};

}  // namespace

CrdRules::CrdRules(const json::Tree& schema, const std::string& path, std::vector<Cause>& causes) {
  auto state = std::make_unique<State>();
  state->root = compile_rules(schema, path, state->types, causes);
  state_ = std::move(state);
}
CrdRules::CrdRules(CrdRules&&) noexcept = default;
CrdRules& CrdRules::operator=(CrdRules&&) noexcept = default;
CrdRules::~CrdRules() = default;

bool CrdRules::is_empty() const { return state_->root == nullptr; }

CrdRules::Findings CrdRules::check(const json::Tree& object, const json::Tree* old) const {
  Findings findings;
  if (state_->root != nullptr) RuleCheck(findings).check(*state_->root, "", {.now = &object, .before = old});
  return findings;
}

}  // namespace gantry::kube::cel
