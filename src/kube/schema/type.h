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
  bool is_required = false;
  bool is_inline = false;  // protobuf: a message of its own whose fields stand in this one in JSON
  std::optional<json::Tree> fallback;  // the default: of what is absent when its parent is there
  PatchStrategy patch_strategy = PatchStrategy::Replace;
  bool retains_keys = false;    // patch strategy retainKeys
  std::string patch_merge_key;  // of lists that merge; empty: of scalars
  std::string description;      // ours, for `kubectl explain`; may be empty
};

struct Type {
  Form form = Form::Any;
  std::string name;  // of a struct: "io.k8s.api.core.v1.Pod"; empty: it has none
  std::string description;
  std::vector<Field> fields;      // of a Struct, by name
  const Type* element = nullptr;  // of Map and List
  ListKind list_kind = ListKind::Atomic;
  std::vector<std::string> list_keys;        // of ListKind::Map; their defaults are their fields'
  bool is_atomic = false;                    // of Struct and Map: server-side apply takes it as a whole
  bool preserves_unknown = false;            // of Struct: fields that it does not name are kept
  bool is_embedded_resource = false;         // it has apiVersion, kind and metadata of its own
  bool is_nullable = false;                  // of CustomResourceDefinitions: null is a value
  std::vector<std::string> words;            // of String: the only values there are; empty: any
  const Constraints* constraints = nullptr;  // further limits, of CustomResourceDefinitions; null: none

  // Null if there is none of that name.
  const Field* find(std::string_view field) const;
};

}  // namespace gantry::kube
