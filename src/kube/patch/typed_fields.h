// SPDX-License-Identifier: Apache-2.0
//
// Objects as server-side apply sees them: which places they have, which differ, how two become one. A struct,
// a map and a list of a kind that says so are seen by their parts; what is atomic as a whole. Of what a type
// does not know objects are seen by their parts, lists as a whole. Everything recurses as deep as the object
// is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/patch/field_set.h"
#include "kube/schema/type.h"

namespace gantry::kube {

// The places of everything that is set in `value`.
FieldSet fields_of(const Type& type, const json::Tree& value);

// Why nobody can apply `value`: an associative list has an element without its keys, or two with the same.
// ".spec.containers: duplicate entries for key [name=\"web\"]".
std::optional<std::string> key_fault(const Type& type, const json::Tree& value);

// Where `value` has lists, maps and structs that are set as a whole: ".spec.selector", ".spec.args[0].x".
std::vector<std::string> atomic_places(const Type& type, const json::Tree& value);

struct FieldChanges {
  FieldSet changed;  // added, or another value
  FieldSet removed;
};
FieldChanges compare_fields(const Type& type, const json::Tree& before, const json::Tree& after);

// What `applied` sets is set in the result, the rest is from `live`. `applied` has no key_fault.
json::Tree merge_fields(const Type& type, json::Tree live, json::Tree applied);

// Takes the places of `last` out of `value`, with all that is in them, but for those that hold a place of
// `owned`, or are one.
void remove_fields(const Type& type, json::Tree& value, const FieldSet& last, const FieldSet& owned);

}  // namespace gantry::kube
