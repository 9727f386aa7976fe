// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/schema_checks.h"
#include "kube/custom/validator.h"
#include "kube/schema/custom_schema.h"
#include "kube/schema/decode.h"

namespace gantry::kube::custom {
namespace {

using json::Tree;
using rules::Spot;

class DefaultChecks {
 public:
  explicit DefaultChecks(const Type& root) : validator_(root) {}

  // A type, and the schema that it was made of.
  void inside(const Type& type, const Spot& schema) const {
    if (type.element != nullptr)
      inside(*type.element, schema[type.form == Form::List ? "items" : "additionalProperties"]);
    for (const Field& field : type.fields) {
      if (field.type->constraints == nullptr) continue;  // of every object, whatever its schema says
      const Spot property = schema["properties"].key(field.name);
      if (field.fallback) check(*field.type, *field.fallback, property["default"]);
      inside(*field.type, property);
    }
  }

 private:
  void check(const Type& type, const Tree& fallback, const Spot& spot) const {
    Tree known = fallback;
    prune(type, known);
    if (known != fallback) return spot.invalid("must not have unknown fields");
    validator_.validate(type, spot);
  }

  Validator validator_;
};

}  // namespace

void check_defaults(const Spot& schema) {
  const CustomSchema types(schema.value(), {});
  DefaultChecks(types.type()).inside(types.type(), schema);
}

}  // namespace gantry::kube::custom
