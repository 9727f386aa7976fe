// SPDX-License-Identifier: Apache-2.0
//
// What a value may look like: the types of built-in kinds, read from our schema files, and of
// CustomResourceDefinitions, made from their OpenAPI. Decoding, defaulting, patching, server-side apply and
// OpenAPI all walk these. Immutable once made; whoever made them owns them (catalog.h), for any thread to
// read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"

namespace gantry::kube {

struct Constraints;

// How one type is written in JSON (and in protobuf).
enum class Form : std::uint8_t {
  Any,  // whatever JSON it is: RawExtension, JSON, fields that preserve what they do not know
  Bool,
  Int32,
  Int64,
  Double,
  String,
  Bytes,        // base64 in JSON
  Time,         // RFC 3339, to the second
  MicroTime,    // to the microsecond
  Duration,     // "1h30m", as Go writes it
  Quantity,     // "100m", "1Gi", or a number
  IntOrString,  // 80 or "http"
  Struct,       // fields
  Map,          // from strings to `element`
  List,         // of `element`
};

// Of a list: how two writers' lists become one.
enum class ListKind : std::uint8_t {
  Atomic,  // as a whole
  Set,     // of scalars, each once
  Map,     // of structs, told apart by `list_keys`
};

// What a strategic merge patch does with a field; retainKeys may come beside either of them.
enum class PatchStrategy : std::uint8_t { Replace, Merge };

struct Type;

struct Field {
  std::string name;
  const Type* type = nullptr;
  std::uint32_t number = 0;  // in protobuf; 0: it has none
  // In protobuf some fields stand in messages of their own that JSON does not have ("emptyDir" of a Volume in
  // its volumeSource): the numbers of those messages' fields, outermost first.
  std::vector<std::uint32_t> inside;
  bool is_required = false;
  // In protobuf zero or empty text is another thing than none at all (in Go: a pointer). Clients send the
  // zero of all other fields, and mean none by it.
  bool keeps_zero = false;
  std::optional<json::Tree> fallback;  // the default: of what is absent when its parent is there
  PatchStrategy patch_strategy = PatchStrategy::Replace;
  bool retains_keys = false;    // patch strategy retainKeys
  std::string patch_merge_key;  // of lists that merge; empty: of scalars
  std::string description;      // ours, for `kubectl explain`; may be empty
};

// Fills in what a constant default cannot say, in an object of its type whose own constants are filled in
// (default_rules.h).
using DefaultRule = void (*)(json::TreeObject&);

struct Type {
  Form form = Form::Any;
  // "io.k8s.api.core.v1.Pod"; empty: it has none. A list that has one is in protobuf a message whose field 1
  // is the list (ExtraValue).
  std::string name;
  std::string description;
  std::vector<Field> fields;      // of a Struct, by name
  const Type* element = nullptr;  // of Map and List; of Any: the struct that it may be
  ListKind list_kind = ListKind::Atomic;
  std::vector<std::string> list_keys;  // of ListKind::Map; their defaults are their fields'
  bool is_atomic = false;              // of Struct and Map: server-side apply takes it as a whole
  bool preserves_unknown = false;      // of Struct: fields that it does not name are kept
  bool is_embedded_resource = false;   // it has apiVersion, kind and metadata of its own
  bool is_nullable = false;            // of CustomResourceDefinitions: null is a value
  std::vector<std::string> words;      // of String: the only values there are; empty: any
  DefaultRule default_rule = nullptr;  // of Struct
  bool has_defaults = false;           // it, or something in it, has a default or a rule
  // Further limits, of CustomResourceDefinitions (constraints.h), which every type of theirs has: what they
  // say is wrong is found by validation, not by decoding. Null: none.
  const Constraints* constraints = nullptr;

  // Null if there is none of that name.
  const Field* find(std::string_view field) const;
};

}  // namespace gantry::kube
