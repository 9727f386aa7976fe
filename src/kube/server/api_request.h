// SPDX-License-Identifier: Apache-2.0
//
// What a client wants of a resource, and what he gets, without HTTP: paths, parameters, media types and
// access are dealt with before, content negotiation after.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json_tree.h"
#include "base/shared_bytes.h"
#include "kube/api/user.h"
#include "kube/schema/decode.h"
#include "kube/schema/resource.h"
#include "kube/storage/object_storage.h"

namespace gantry::kube {

enum class PatchKind : std::uint8_t {
  Json,       // application/json-patch+json
  Merge,      // application/merge-patch+json
  Strategic,  // application/strategic-merge-patch+json
  Apply,      // application/apply-patch+yaml
};

// As query parameters say it; of get, list, watch and deletecollection.
struct ReadOptions {
  std::string resource_version;
  std::string resource_version_match;
  std::size_t limit = 0;
  std::string continue_token;
  std::string label_selector;
  std::string field_selector;
  std::optional<std::int64_t> timeout_seconds;
  bool allows_bookmarks = false;
  std::optional<bool> sends_initial_events;
};

// Of create, update and patch.
struct WriteOptions {
  std::string field_manager;
  FieldValidation validation = FieldValidation::Warn;
  bool is_forced = false;  // of an apply
  // The subresource under which managers of fields are known, where the object itself is written for it
  // ("scale"); empty: that of the request.
  std::string on_behalf_of;
};

// The kind DeleteOptions of meta/v1, and the query parameters of the same names.
struct DeleteOptions {
  std::optional<std::int64_t> grace_seconds;
  std::string uid;               // precondition; empty: any
  std::string resource_version;  // precondition; empty: any
  std::string propagation;       // "Orphan", "Background", "Foreground"; empty: as the kind has it
  std::optional<bool> orphans;   // orphanDependents, which came before it

  // Adds what a body says. 400 for what is no DeleteOptions.
  Answer<void> read(const json::Tree& body);
};

struct ApiRequest {
  const User& user;
  Verb verb = Verb::Get;
  const Resource& resource;
  std::string subresource;  // empty: the object itself
  std::string name_space;   // empty: of the cluster; of list and watch: of all
  std::string name;         // empty: create, list, watch, deletecollection
  bool is_dry_run = false;
  // JSON as it was sent; a tree, if it was YAML or protobuf.
  std::variant<std::string, json::Tree> body;
  PatchKind patch = PatchKind::Json;
  ReadOptions read;
  WriteOptions write;
  DeleteOptions deletion;
  // Whether the user may create it, too: asked before an update or an apply makes what is not there. Empty:
  // he may.
  std::function<Answer<void>()> may_create;
  std::string user_agent;  // names the field manager where nobody else does
};

struct ApiList {
  std::string api_version;
  std::string kind;                // "PodList"
  std::vector<SharedBytes> items;  // JSON objects
  store::Revision revision = 0;
  std::string continue_token;
  std::optional<std::size_t> remaining;
};

struct ApiAnswer {
  int code = 200;                              // of HTTP: 200, 201, 202
  std::variant<SharedBytes, ApiList> content;  // the JSON of one object, or many
  std::vector<std::string> warnings;
};

// As one body, the objects in it are not copied.
std::vector<SharedBytes> json_of(const ApiAnswer& answer);

}  // namespace gantry::kube
