// SPDX-License-Identifier: Apache-2.0
//
// A set of places in objects: what a manager owns. It is a tree: a step leads from a place to those in it, by
// a field's name, by the keys of an element of an associative list, by the value of an element of a set, or
// by an index. On the wire it is the JSON of managedFields[].fieldsV1: {"f:spec":{"f:replicas":{}}}, where
// "." says that a place with others in it is in the set itself
// (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"

namespace gantry::kube {

// As the wire has it: "f:name", `k:{"name":"web"}` (keys sorted), `v:"example.com/stay"`, "i:3".
using Step = std::string;

class FieldSet {
 public:
  struct Child;

  FieldSet() = default;
  // Only the place itself.
  static FieldSet place();
  // Of equal steps what is below becomes one.
  static FieldSet of(std::vector<Child> children);
  // 400 BadRequest for what is no fieldsV1. Recurses as deep as the tree is.
  static Answer<FieldSet> from_tree(const json::Tree& fields);
  json::Tree to_tree() &&;

  // Neither the place itself is in the set, nor any in it.
  bool empty() const { return !is_member_ && children_.empty(); }
  bool is_member() const { return is_member_; }
  void add_self() { is_member_ = true; }

  // In the order of their steps' bytes; none of them is empty.
  const std::vector<Child>& children() const { return children_; }
  const FieldSet* find(std::string_view step) const;  // null: nothing there is in the set
  void erase(std::string_view step);

  FieldSet& unite(FieldSet other);
  // Without the places that are in `other`.
  FieldSet& subtract(const FieldSet& other);
  bool is_within(const FieldSet& other) const;
  // The places that are in both.
  FieldSet intersected(const FieldSet& other) const;

  friend bool operator==(const FieldSet& a, const FieldSet& b);

  // Every place of the set as people read it: `.spec.containers[name="web"].image`.
  std::vector<std::string> paths() const;

 private:
  void add_paths(const std::string& above, std::vector<std::string>& paths) const;

  std::vector<Child> children_;
  bool is_member_ = false;
};

struct FieldSet::Child {
  Step step;
  FieldSet below;
};

inline FieldSet FieldSet::place() {
  FieldSet set;
  set.is_member_ = true;
  return set;
}

}  // namespace gantry::kube
