// SPDX-License-Identifier: Apache-2.0
#include "kube/http/connect_options.h"

#include <charconv>
#include <string>

#include "kube/connect/query_flag.h"

namespace gantry::kube {
namespace {

// What is no number stays text: whoever needs the number will say what is wrong.
json::Tree value_of(std::string_view text, const Type& type) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = (type.form == Form::Int32 || type.form == Form::Int64) && failed == std::errc{} &&
                         end == text.data() + text.size();
  return is_number ? json::Tree(number) : json::Tree(text);
}

void add(http::Query& query, const std::string& name, const json::Tree& value) {
  if (value.is_array())
    for (const json::Tree& each : value.array()) add(query, name, each);
  else
    query.add(name, value.is_string() ? std::string(value.as_string()) : value.to_text());
}

}  // namespace

json::Tree connect_options(const http::Query& query, const Subresource& subresource) {
  json::TreeObject options;
  options["apiVersion"] = subresource.kind.api_version();
  options["kind"] = subresource.kind.kind;
  for (const Field& field : subresource.type->fields) {
    const auto value = query.get(field.name);
    if (!value || field.name == "apiVersion" || field.name == "kind") continue;
    if (field.type->form == Form::Bool)
      options[field.name] = is_true(query, field.name);
    else if (field.type->form != Form::List)
      options[field.name] = value_of(*value, *field.type);
    else
      for (const std::string_view each : query.all(field.name))
        options[field.name].array().push_back(value_of(each, *field.type->element));
  }
  return options;
}

http::Query connect_query(const json::Tree& options) {
  http::Query query;
  for (const auto& [name, value] : options.object())
    if (name != "apiVersion" && name != "kind") add(query, name, value);
  return query;
}

}  // namespace gantry::kube
