// SPDX-License-Identifier: Apache-2.0
//
// From what a client sends to an object as its type has it: every value of the right form, times, quantities
// and durations in the one spelling that Kubernetes sends them in, members that are null left out, fields
// that the type does not know dropped. How much of the last is told is the client's choice (fieldValidation,
// https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation).
//
//   Decoded pod = TRY(decode(*resource.type, std::move(body), FieldValidation::Warn));
//   TRY(apply_defaults(*resource.type, pod.object));
//
// All of it is for any thread, and recurses no deeper than kObjectLimits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/status.h"
#include "kube/schema/type.h"

namespace gantry::kube {

enum class FieldValidation : std::uint8_t {
  Ignore,  // what is unknown is dropped silently; of keys that stand twice the last counts
  Warn,    // the same, and told
  Strict,  // refused
};

struct Decoded {
  json::Tree object;
  std::vector<std::string> warnings;  // of FieldValidation::Warn: unknown field "spec.foo"
};

// Of one object; a JSON text beyond them is refused.
inline constexpr json::Limits kObjectLimits{.bytes = 3 << 20, .depth = 200, .allows_repeated_keys = true};

// 400 for a text that is no JSON, for a value that its type cannot be, and for what Strict refuses.
Answer<Decoded> decode(const Type& type, std::string json, FieldValidation validation);

// The same for what is a tree already: of YAML or protobuf, or with a patch applied.
Answer<Decoded> decode_tree(const Type& type, json::Tree object, FieldValidation validation);

// Drops what the type does not know, and tells nobody: of objects that were stored under another schema.
void prune(const Type& type, json::Tree& value);

// Fills in what is absent and has a default, from the top down: an object's constants, its rule
// (default_rules.h), then its parts. An object that is absent and has no default itself stays absent, with
// all that is in it. Doing it twice changes nothing. 413 where defaults would make more of an object than any
// can be: a list of a million empty containers is short.
Answer<void> apply_defaults(const Type& type, json::Tree& value);

}  // namespace gantry::kube
