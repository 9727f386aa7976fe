// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/field_cause.h"

#include <fmt/format.h>

namespace gantry::kube::cel {

Cause invalid_field(std::string path, const json::Tree& value, std::string_view detail) {
  return {"FieldValueInvalid", fmt::format("Invalid value: {}: {}", value.to_text(), detail),
          std::move(path)};
}

Cause invalid_field(std::string path, std::string_view detail) {
  return {"FieldValueInvalid", fmt::format("Invalid value: {}", detail), std::move(path)};
}

Cause forbidden_field(std::string path, std::string_view detail) {
  return {"FieldValueForbidden", fmt::format("Forbidden: {}", detail), std::move(path)};
}

Cause required_field(std::string path, std::string_view detail) {
  return {"FieldValueRequired", fmt::format("Required value: {}", detail), std::move(path)};
}

Cause duplicate_field(std::string path, const json::Tree* value) {
  return {"FieldValueDuplicate",
          value == nullptr ? "Duplicate value" : fmt::format("Duplicate value: {}", value->to_text()),
          std::move(path)};
}

Cause unsupported_field(std::string path, std::string_view value, std::string_view supported) {
  return {"FieldValueNotSupported",
          fmt::format("Unsupported value: \"{}\": supported values: {}", value, supported), std::move(path)};
}

}  // namespace gantry::kube::cel
