// SPDX-License-Identifier: Apache-2.0
//
// Which objects somebody means, by labels or by fields
// (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors,
// https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/). Immutable once made,
// for any thread; matching allocates nothing.
//
//   const LabelSelector selector = TRY(LabelSelector::parse("app=web,tier in (front, back)"));
//   if (selector.matches(labels)) ...
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"

namespace gantry::kube {

class LabelSelector {
 public:
  enum class Operator : std::uint8_t {
    Equals,
    NotEquals,  // or not there
    In,
    NotIn,  // or not there
    Exists,
    DoesNotExist,
    GreaterThan,  // as integers
    LessThan,
  };
  struct Requirement {
    std::string key;
    Operator op = Operator::Exists;
    std::vector<std::string> values;  // sorted

    bool is_met_by(std::optional<std::string_view> value) const;
  };

  LabelSelector() = default;  // of all objects
  // At most 64 KiB. 400 BadRequest for text that is none.
  static Answer<LabelSelector> parse(std::string_view text);
  // Of the type meta/v1 LabelSelector. Null is of no object, an empty one of all.
  static Answer<LabelSelector> from_tree(const json::Tree& selector);
  // Of a map of labels that all must be there (a service's).
  static LabelSelector from_labels(const json::Tree& labels);
  static LabelSelector of_nothing();

  bool is_of_all() const { return requirements_.empty() && !is_of_nothing_; }
  const std::vector<Requirement>& requirements() const { return requirements_; }

  // `labels`: metadata.labels; what is no object has no labels.
  bool matches(const json::Tree& labels) const {
    return matches_by([&](std::string_view key) -> std::optional<std::string_view> {
      const json::Tree* value = labels.find(key);
      if (value == nullptr) return std::nullopt;
      return value->as_string();
    });
  }
  // `find` gives a label's value, or nothing: std::optional<std::string_view>(std::string_view key).
  template <class Find>
  bool matches_by(Find&& find) const {
    if (is_of_nothing_) return false;
    for (const Requirement& requirement : requirements_)
      if (!requirement.is_met_by(find(std::string_view(requirement.key)))) return false;
    return true;
  }

  // "app=web,tier in (back,front)": what parse() reads as this one. Of nothing: "<none>" (which it does not).
  std::string text() const;

 private:
  std::vector<Requirement> requirements_;  // in the order of their keys
  bool is_of_nothing_ = false;
};

class FieldSelector {
 public:
  struct Requirement {
    std::string field;  // "metadata.name"
    std::string value;
    bool is_equal = true;  // false: it must differ
  };

  FieldSelector() = default;  // of all objects
  // At most 64 KiB. 400 BadRequest for text that is none. Whether a kind has such a field is for others to
  // say.
  static Answer<FieldSelector> parse(std::string_view text);
  // Of objects that have something there.
  static FieldSelector has(std::string field);

  bool is_of_all() const { return requirements_.empty(); }
  const std::vector<Requirement>& requirements() const { return requirements_; }
  // The part of it that is about metadata.name and metadata.namespace.
  FieldSelector of_names() const;
  // The value that a field must have ("metadata.name": one object is meant); nothing if it need not.
  std::optional<std::string_view> required_value(std::string_view field) const;

  // `find` gives a field's value, or "" where it is not set: std::string_view(std::string_view field).
  template <class Find>
  bool matches_by(Find&& find) const {
    for (const Requirement& requirement : requirements_)
      if ((find(std::string_view(requirement.field)) == requirement.value) != requirement.is_equal)
        return false;
    return true;
  }

  // "metadata.name=web,status.phase!=Running".
  std::string text() const;

 private:
  std::vector<Requirement> requirements_;
};

}  // namespace gantry::kube
