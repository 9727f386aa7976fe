// SPDX-License-Identifier: Apache-2.0
//
// Compiled rules in the shape of the schema that they are in; what has no rules is left out.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/cel/program.h"
#include "kube/cel/type.h"

namespace gantry::kube::cel {

struct CrdRule {
  Program rule;
  bool uses_old_self = false;
  bool has_optional_old_self = false;  // oldSelf is an optional, and the rule is for creates, too
  std::optional<Program> message_expression;
  std::string message;  // or the rule itself, as messages have it
  bool has_message = false;
  std::string reason;  // of the cause; empty: FieldValueInvalid
  std::string field;   // below the value; empty: the value itself
};

struct CrdRuleNode {
  std::vector<CrdRule> rules;
  const Type* type = nullptr;
  std::string json_type;  // "object" ...
  bool is_map_list = false;
  std::vector<std::string> list_keys;
  std::map<std::string, json::Tree> key_defaults;
  std::unique_ptr<CrdRuleNode> items;
  std::unique_ptr<CrdRuleNode> values;  // additionalProperties
  std::map<std::string, std::unique_ptr<CrdRuleNode>, std::less<>> properties;
  std::vector<std::unique_ptr<CrdRuleNode>> all_of;

  bool is_empty() const { return rules.empty() && !items && !values && properties.empty() && all_of.empty(); }
};

// Null if there are no rules. Types are kept in `types`, which lives as long as the tree.
std::unique_ptr<CrdRuleNode> compile_rules(const json::Tree& schema, const std::string& path,
                                           TypeArena& types, std::vector<Cause>& causes);

}  // namespace gantry::kube::cel
