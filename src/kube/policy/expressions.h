// SPDX-License-Identifier: Apache-2.0
//
// Expressions about a request: what they may name, and the values of that
// (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/).
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kube/access/authorizer.h"
#include "kube/api/object_source.h"
#include "kube/api/status.h"
#include "kube/cel/authorizer.h"
#include "kube/cel/program.h"
#include "kube/policy/request_view.h"

namespace gantry::kube::admission {

// In the order in which programs have them.
enum class Name : std::uint8_t {
  Object,
  OldObject,
  Request,
  NamespaceObject,
  Authorizer,
  RequestResource,  // authorizer.requestResource
  Params,
  Variables,
};
inline constexpr std::size_t kNames = 8;

// Which names there are, and of what types; null: it is seen when it runs.
struct KnownTypes {
  bool has_params = false;
  const cel::Type* object = nullptr;  // and of the old one
  const cel::Type* params = nullptr;
};

// All names; `params` only where the policy has some, `variables` (their type; null: none) as far as they are
// declared.
cel::Environment environment_for(const KnownTypes& known, const cel::Type* variables);

// What the authorizer library asks.
class AccessQuestions final : public cel::Authorizer {
 public:
  explicit AccessQuestions(const kube::Authorizer& authorizer) : authorizer_(authorizer) {}
  Decision decide(const AccessRequest& request) const override;

 private:
  const kube::Authorizer& authorizer_;
};

// The values, for one request. Not for several threads.
class RequestValues {
 public:
  // All are borrowed. `params`: null: none.
  RequestValues(const RequestView& view, const ObjectSource& objects, const cel::Authorizer& authorizer,
                const json::Tree* params, bool has_namespace);

  std::span<const cel::Value> values() const { return values_; }
  cel::Memory& memory() { return memory_; }
  void set_variables(const cel::LazyFields* variables) {
    values_[static_cast<std::size_t>(Name::Variables)] = cel::Value::of_lazy(variables);
  }

 private:
  cel::Value& at(Name name) { return values_[static_cast<std::size_t>(name)]; }
  void set_namespace(const RequestView& view, const ObjectSource& objects);

  cel::Memory memory_;
  std::optional<json::Tree> namespace_;
  AccessRequest access_;
  std::array<cel::Value, kNames> values_;
};

// An expression of a policy or a webhook. One that does not compile is an error when it is evaluated.
struct Expression {
  std::string text;
  Result<cel::Program> program;  // `compilation failed: ...`

  bool uses(Name name) const { return program && program->uses(static_cast<std::size_t>(name)); }
};
Expression compile_expression(std::string_view text, const cel::Environment& environment);
// An expression of another type is one that does not compile: `must evaluate to bool`. What is known only
// when it runs may be of that type.
Expression compile_condition(std::string_view text, const cel::Environment& environment);

// The result, or `expression '...' resulted in error: ...`.
Result<cel::Value> evaluate(const Expression& expression, RequestValues& values, cel::Budget& budget);

// Adds what is wrong with an expression, as the cause at `path`.
void add_fault(std::vector<Cause>& causes, std::string path, const Expression& expression);

// matchConditions: all must hold.
class MatchConditions {
 public:
  // Conditions that do not compile are errors when they are looked at.
  MatchConditions(const json::Tree* conditions, bool has_params);

  bool is_empty() const { return conditions_.empty(); }
  // Whether all hold; an error if none is false and one could not be evaluated.
  Result<bool> hold(RequestValues& values) const;
  void add_faults(std::vector<Cause>& causes, const std::string& path) const;

 private:
  std::vector<Expression> conditions_;
};

}  // namespace gantry::kube::admission
