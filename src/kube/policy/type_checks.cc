// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/type_checks.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "kube/api/tree_lists.h"
#include "kube/policy/kind_type.h"
#include "kube/policy/policy_variables.h"

namespace gantry::kube::admission {
namespace {

constexpr std::size_t kMostKinds = 10;

bool has_wildcard(const std::vector<std::string>& words) {
  return std::ranges::any_of(words, [](const std::string& word) { return word.contains('*'); });
}

bool holds(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

// In the order of groups, versions and kinds.
std::vector<const Resource*> kinds_of(const json::Tree& spec, const std::vector<const Resource*>& served) {
  std::vector<const Resource*> kinds;
  for (const json::Tree& rule : list_of(member_of(spec, "matchConstraints"), "resourceRules")) {
    const auto groups = words_of(rule, "apiGroups");
    const auto versions = words_of(rule, "apiVersions");
    const auto resources = words_of(rule, "resources");
    if (has_wildcard(groups) || has_wildcard(versions)) continue;
    for (const Resource* resource : served)
      if (resource->type != nullptr && holds(groups, resource->kind.group) &&
          holds(versions, resource->kind.version) && holds(resources, resource->plural))
        kinds.push_back(resource);
  }
  const auto place = [](const Resource* one) {
    return std::tie(one->kind.group, one->kind.version, one->kind.kind);
  };
  std::ranges::sort(kinds, {}, place);
  const auto twice = std::ranges::unique(kinds);
  kinds.erase(twice.begin(), twice.end());
  if (kinds.size() > kMostKinds) kinds.resize(kMostKinds);
  return kinds;
}

const Resource* param_kind(const json::Tree& spec, const std::vector<const Resource*>& served) {
  const std::string_view api_version = spec.text_at("paramKind", "apiVersion");
  const auto found = std::ranges::find_if(served, [&](const Resource* one) {
    return one->kind.kind == spec.text_at("paramKind", "kind") && one->kind.api_version() == api_version;
  });
  return found == served.end() || (*found)->type == nullptr ? nullptr : *found;
}

// All expressions of a policy, before one kind of objects.
class TypeCheck {
 public:
  TypeCheck(const json::Tree& spec, const Resource& kind, const Resource* params)
      : kind_(kind),
        known_{.has_params = spec.find("paramKind") != nullptr,
               .object = cel_type_of(*kind.type, kind.kind.kind, types_),
               .params = params == nullptr ? nullptr : cel_type_of(*params->type, "params", types_)},
        variables_(spec, known_),
        environment_(environment_for(known_, variables_.type())) {}

  void check(std::string_view expression, std::string& warning) const {
    const auto program = cel::compile(expression, environment_);
    if (program) return;
    if (!warning.empty()) warning += '\n';
    fmt::format_to(std::back_inserter(warning), "{}/{}, Kind={}: {}\n", kind_.kind.group, kind_.kind.version,
                   kind_.kind.kind, program.error().message());
  }

 private:
  const Resource& kind_;
  cel::TypeArena types_;
  const KnownTypes known_;
  const PolicyVariables variables_;
  const cel::Environment environment_;
};

}  // namespace

std::vector<TypeWarning> check_types(const json::Tree& policy, const std::vector<const Resource*>& served) {
  const json::Tree& spec = member_of(policy, "spec");
  const json::TreeArray& validations = list_of(spec, "validations");
  std::vector<TypeWarning> warnings;
  std::vector<std::string_view> expressions;
  for (std::size_t i = 0; i < validations.size(); ++i)
    for (const char* key : {"expression", "messageExpression"})
      if (const std::string_view text = validations[i].text_at(key); !text.empty()) {
        warnings.push_back({fmt::format("spec.validations[{}].{}", i, key), ""});
        expressions.push_back(text);
      }
  for (const Resource* kind : kinds_of(spec, served)) {
    const TypeCheck check(spec, *kind, param_kind(spec, served));
    for (std::size_t i = 0; i < expressions.size(); ++i) check.check(expressions[i], warnings[i].text);
  }
  std::erase_if(warnings, [](const TypeWarning& one) { return one.text.empty(); });
  return warnings;
}

}  // namespace gantry::kube::admission
