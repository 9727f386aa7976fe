// SPDX-License-Identifier: Apache-2.0
//
// A set of places in objects: what a manager owns. It is a tree: a step leads from a place to those in it, by
// a field's name, by the keys of an element of an associative list, by the value of an element of a set, or
// by an index. On the wire it is the JSON of managedFields[].fieldsV1: {"f:spec":{"f:replicas":{}}}, where
// "." says that the place itself is in the set.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"

namespace gantry::kube {

// One step, as the wire has it: "f:name", `k:{"name":"web"}` (keys sorted), `v:"example.com/stay"`, "i:3".
using Step = std::string;

class FieldSet {
 public:
  struct Child;

  FieldSet() = default;
  // 400 BadRequest for what is no fieldsV1, or deeper than json::Limits allow.
  static Answer<FieldSet> from_tree(const json::Tree& fields);
  json::Tree to_tree() const;

  // No place in it is in the set, nor is itself.
  bool empty() const { return !is_member_ && children_.empty(); }
  bool is_member() const { return is_member_; }
  void add_self() { is_member_ = true; }

  // In the order of their steps' bytes.
  const std::vector<Child>& children() const { return children_; }
  const FieldSet* find(std::string_view step) const;  // null if nothing in it is in the set
  FieldSet& operator[](std::string_view step);        // made where there is none
  void erase(std::string_view step);

  FieldSet& unite(const FieldSet& other);
  // Without those places that are in `other`.
  FieldSet& subtract(const FieldSet& other);
  // Without those places that are in `other`, and all that is in them.
  FieldSet& subtract_with_all_below(const FieldSet& other);
  // What is in both.
  FieldSet intersected(const FieldSet& other) const;

  friend bool operator==(const FieldSet& a, const FieldSet& b) = default;

  // Every place of the set as people read it: `.spec.containers[name="web"].image`.
  std::vector<std::string> paths() const;

 private:
  std::vector<Child> children_;
  bool is_member_ = false;
};

struct FieldSet::Child {
  Step step;
  FieldSet below;

  friend bool operator==(const Child& a, const Child& b) = default;
};

}  // namespace gantry::kube
