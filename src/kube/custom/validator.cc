// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/validator.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "kube/custom/formats.h"

namespace gantry::kube::custom {

using json::Kind;
using json::Tree;
using rules::Report;
using rules::Spot;

namespace {

bool is_whole(const Tree& value) {
  return value.kind() == Kind::Number && std::trunc(value.as_double()) == value.as_double();
}

std::string_view type_name(const Tree& value) {
  switch (value.kind()) {
    case Kind::Null: return "null";
    case Kind::Bool: return "boolean";
    case Kind::Number: return is_whole(value) ? "integer" : "number";
    case Kind::String: return "string";
    case Kind::Array: return "array";
    case Kind::Object: return "object";
  }
  return "?";
}

bool is_of_type(const Constraints& constraints, const Tree& value) {
  const std::string_view actual = type_name(value);
  if (constraints.is_int_or_string) return actual == "integer" || actual == "string";
  if (constraints.type.empty() || constraints.type == actual) return true;
  return constraints.type == "number" && actual == "integer";
}

std::int64_t characters(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

// "spec.replicas in body should be ...".
void in_body(const Spot& spot, std::string_view what) {
  spot.invalid(fmt::format("{} in body {}", spot.path(), what));
}

void wrong_type(const Spot& spot, std::string_view wanted) {
  const std::string_view actual = type_name(spot.value());
  spot.type_invalid(Tree(actual),
                    fmt::format("{} in body must be of type {}: \"{}\"", spot.path(), wanted, actual));
}

void check_number(const Constraints& constraints, const Spot& spot) {
  const double value = spot.value().as_double();
  if (const auto& most = constraints.maximum) {
    if (constraints.excludes_maximum && value >= *most)
      in_body(spot, fmt::format("should be less than {}", *most));
    if (!constraints.excludes_maximum && value > *most)
      in_body(spot, fmt::format("should be less than or equal to {}", *most));
  }
  if (const auto& least = constraints.minimum) {
    if (constraints.excludes_minimum && value <= *least)
      in_body(spot, fmt::format("should be greater than {}", *least));
    if (!constraints.excludes_minimum && value < *least)
      in_body(spot, fmt::format("should be greater than or equal to {}", *least));
  }
  if (const auto& unit = constraints.multiple_of; unit && *unit > 0) {
    constexpr double kRounding = 1e-9;  // 0.3 is a multiple of 0.1
    const double times = value / *unit;
    if (std::abs(times - std::round(times)) > kRounding)
      in_body(spot, fmt::format("should be a multiple of {}", *unit));
  }
}

void check_array(const Constraints& constraints, const Spot& spot) {
  const auto size = static_cast<std::int64_t>(spot.value().array().size());
  if (constraints.max_items && size > *constraints.max_items)
    spot.too_many(static_cast<std::size_t>(size), static_cast<std::size_t>(*constraints.max_items));
  if (constraints.min_items && size < *constraints.min_items)
    in_body(spot, fmt::format("should have at least {} items", *constraints.min_items));
}

void check_object(const Constraints& constraints, const Spot& spot) {
  const auto size = static_cast<std::int64_t>(spot.value().object().size());
  if (constraints.max_properties && size > *constraints.max_properties)
    spot.too_many(static_cast<std::size_t>(size), static_cast<std::size_t>(*constraints.max_properties));
  if (constraints.min_properties && size < *constraints.min_properties)
    in_body(spot, fmt::format("should have at least {} properties", *constraints.min_properties));
  for (const std::string& name : constraints.required)
    if (!spot.value().object().contains(name)) spot[name].required();
}

void check_allowed(const Constraints& constraints, const Spot& spot) {
  if (!constraints.allowed ||
      std::ranges::find(*constraints.allowed, spot.value()) != constraints.allowed->end())
    return;
  std::vector<std::string> texts;
  for (const Tree& value : *constraints.allowed)
    texts.push_back(value.is_string() ? std::string(value.as_string()) : value.to_text());
  spot.not_supported(std::vector<std::string_view>(texts.begin(), texts.end()));
}

// What tells the elements of a list apart: the whole of them, or their keys.
Tree identity(const Type& list, const Tree& element) {
  if (list.list_kind == ListKind::Set) return element;
  json::TreeObject keys;
  for (const std::string& key : list.list_keys)
    if (const Tree* const value = element.find(key)) keys[key] = *value;
  return keys;
}

void check_elements_differ(const Type& list, const Spot& spot) {
  std::unordered_map<std::string, int> times;
  spot.each([&](const Spot& element) {
    const Tree own = identity(list, element.value());
    if (++times[own.to_text()] == 2) element.duplicate(own);
  });
}

}  // namespace

class Validator::Walk {
 public:
  explicit Walk(const Validator& validator) : validator_(validator) {}

  // A value, then what is in it.
  void value(const Type& type, const Spot& spot, const Tree* before) const {
    if (type.constraints == nullptr) return;  // a built-in type's
    Report own;
    check_own(type, spot.in(own));
    if (!own.is_clean() && (before == nullptr || *before != spot.value())) spot.take(std::move(own));
    switch (type.form) {
      case Form::Struct: return members(type, spot, before);
      case Form::Map: return entries(type, spot, before);
      case Form::List: return elements(type, spot, before);
      default: return;
    }
  }

 private:
  static const Tree* member(const Tree* object, std::string_view key) {
    return object == nullptr ? nullptr : object->find(key);
  }

  void members(const Type& type, const Spot& spot, const Tree* before) const {
    for (const auto& [key, value_there] : spot.value().object())
      if (const Field* const field = type.find(key))
        value(*field->type, spot[field->name], member(before, key));
  }

  void entries(const Type& type, const Spot& spot, const Tree* before) const {
    for (const auto& [key, value_there] : spot.value().object())
      value(*type.element, spot[key], member(before, key));
  }

  // Only elements that have a key are the same ones as before.
  void elements(const Type& type, const Spot& spot, const Tree* before) const {
    std::unordered_map<std::string, const Tree*> earlier;
    if (before != nullptr && type.list_kind == ListKind::Map)
      for (const Tree& element : before->array())
        earlier.emplace(identity(type, element).to_text(), &element);
    spot.each([&](const Spot& element) {
      const auto found =
          earlier.empty() ? earlier.end() : earlier.find(identity(type, element.value()).to_text());
      value(*type.element, element, found == earlier.end() ? nullptr : found->second);
    });
  }

  void check_own(const Type& type, const Spot& spot) const {
    check(*type.constraints, spot);
    if (type.form == Form::List && type.list_kind != ListKind::Atomic) check_elements_differ(type, spot);
    if (!type.is_embedded_resource || !spot.value().is_object()) return;
    for (const char* name : {"apiVersion", "kind"})
      if (spot[name].text().empty()) spot[name].required("must not be empty");
  }

  void check(const Constraints& constraints, const Spot& spot) const {
    const Tree& value = spot.value();
    if (value.is_null() && constraints.is_nullable) return;
    if (!is_of_type(constraints, value))
      return wrong_type(spot, constraints.is_int_or_string ? "integer,string" : constraints.type);
    switch (value.kind()) {
      case Kind::Number: check_number(constraints, spot); break;
      case Kind::String: check_text(constraints, spot); break;
      case Kind::Array: check_array(constraints, spot); break;
      case Kind::Object: check_object(constraints, spot); break;
      case Kind::Null:
      case Kind::Bool: break;
    }
    check_allowed(constraints, spot);
    check_inside(constraints, spot);
    check_junctions(constraints, spot);
  }

  void check_text(const Constraints& constraints, const Spot& spot) const {
    const std::string_view text = spot.text();
    if (constraints.max_length && characters(text) > *constraints.max_length)
      spot.too_long(static_cast<std::size_t>(*constraints.max_length));
    if (constraints.min_length && characters(text) < *constraints.min_length)
      in_body(spot, fmt::format("should be at least {} chars long", *constraints.min_length));
    if (!constraints.pattern.empty()) {
      const auto pattern = validator_.patterns_.find(&constraints);
      if (pattern != validator_.patterns_.end() && !pattern->second.is_in(text))
        in_body(spot, fmt::format("should match '{}'", constraints.pattern));
    }
    if (!constraints.format.empty() && !has_format(text, constraints.format))
      spot.type_invalid(spot.value(), fmt::format("{} in body must be of type {}: {}", spot.path(),
                                                  constraints.format, spot.value().to_text()));
  }

  void check_inside(const Constraints& constraints, const Spot& spot) const {
    for (const auto& [name, inner] : constraints.properties)
      if (spot.value().object().contains(name)) check(inner, spot[name]);
    if (constraints.items != nullptr)
      spot.each([&](const Spot& element) { check(*constraints.items, element); });
    if (constraints.additional_properties == nullptr) return;
    for (const auto& [key, value] : spot.value().object())
      if (std::ranges::find(constraints.properties, key, &NamedConstraints::name) ==
          constraints.properties.end())
        check(*constraints.additional_properties, spot[key]);
  }

  void check_junctions(const Constraints& constraints, const Spot& spot) const {
    for (const Constraints& each : constraints.all_of) check(each, spot);
    if (!constraints.any_of.empty()) {
      Report nearest;
      if (fitting(constraints.any_of, spot, nearest) == 0) {
        junction(spot, "must validate at least one schema (anyOf)");
        spot.take(std::move(nearest));
      }
    }
    if (!constraints.one_of.empty()) {
      Report nearest;
      const std::size_t count = fitting(constraints.one_of, spot, nearest);
      if (count == 0) {
        junction(spot, "must validate one and only one schema (oneOf). Found none valid");
        spot.take(std::move(nearest));
      } else if (count > 1) {
        junction(
            spot,
            fmt::format("must validate one and only one schema (oneOf). Found {} valid alternatives", count));
      }
    }
    if (constraints.none_of != nullptr) {
      Report attempt;
      check(*constraints.none_of, spot.in(attempt));
      if (attempt.is_clean()) junction(spot, "must not validate the schema (not)");
    }
  }

  // How many of them the value fits; what keeps it from the one that it misses by least.
  std::size_t fitting(const std::vector<Constraints>& alternatives, const Spot& spot, Report& nearest) const {
    std::size_t count = 0;
    for (const Constraints& each : alternatives) {
      Report attempt;
      check(each, spot.in(attempt));
      if (attempt.is_clean())
        ++count;
      else if (nearest.is_clean() || attempt.size() < nearest.size())
        nearest = std::move(attempt);
    }
    return count;
  }

  static void junction(const Spot& spot, std::string_view what) {
    spot.invalid(Tree(""), fmt::format("\"{}\" {}", spot.path(), what));
  }

  const Validator& validator_;
};

Validator::Validator(const Type& type) : type_(type) { compile(type); }

void Validator::compile(const Type& type) {
  if (type.constraints == nullptr) return;
  compile(*type.constraints);
  for (const Field& field : type.fields) compile(*field.type);
  if (type.element != nullptr) compile(*type.element);
}

void Validator::compile(const Constraints& constraints) {
  if (!constraints.pattern.empty())
    if (Result<cel::Pattern> pattern = cel::Pattern::compile(constraints.pattern))
      patterns_.emplace(&constraints, std::move(*pattern));
  for (const auto* list : {&constraints.all_of, &constraints.any_of, &constraints.one_of})
    for (const Constraints& each : *list) compile(each);
  for (const auto& [name, each] : constraints.properties) compile(each);
  for (const Constraints* each :
       {constraints.none_of.get(), constraints.items.get(), constraints.additional_properties.get()})
    if (each != nullptr) compile(*each);
}

std::vector<Cause> Validator::validate(const Tree& object, const Tree* before) const {
  Report report;
  Walk(*this).value(type_, Spot(object, report), before);
  return std::move(report).causes();
}

void Validator::validate(const Type& type, const Spot& spot) const { Walk(*this).value(type, spot, nullptr); }

}  // namespace gantry::kube::custom
