// SPDX-License-Identifier: Apache-2.0
//
// Which objects of a collection a list or watch is of: namespace, labels, fields; ready to look at many
// objects without parsing one. Immutable, for any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kube/api/selector.h"
#include "kube/api/status.h"
#include "kube/storage/attribute.h"
#include "kube/storage/object.h"

namespace gantry::kube {

// A field that objects of a kind can be selected by, beside metadata.name and metadata.namespace.
struct SelectableField {
  std::string name;    // as selectors call it: "spec.nodeName"
  FieldPath path;      // where it is; what `name` says, most often
  std::string absent;  // its value where it is not there: "", "false", "0"
};

class Selection {
 public:
  Selection() = default;  // of everything
  // `fields`: those that the collection's objects were made with. 400 for a field that is not there.
  static Answer<Selection> make(std::string name_space, LabelSelector labels, const FieldSelector& fields,
                                const std::vector<SelectableField>& selectable);

  const std::string& name_space() const { return name_space_; }  // empty: all
  // What all paths of it begin with: for one object, by its name, nobody looks through the others.
  const std::string& prefix() const { return prefix_; }
  // Whether everything below the prefix is meant.
  bool is_of_all() const { return labels_.is_of_all() && checks_.empty(); }
  bool matches(const Object& object) const;
  // What all selected objects have, beside the prefix: names and fields first, which tell most.
  std::vector<Term> terms() const;

 private:
  struct Check {
    Attribute attribute;
    std::string value;     // as it stands in JSON
    bool is_equal = true;  // false: it must differ
  };
  static Answer<Check> compile(const FieldSelector::Requirement& requirement,
                               const std::vector<SelectableField>& selectable);

  std::string prefix_of_paths() const;

  std::string name_space_;
  std::string prefix_;
  LabelSelector labels_;
  std::vector<Check> checks_;
};

}  // namespace gantry::kube
