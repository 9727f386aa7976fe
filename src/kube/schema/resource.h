// SPDX-License-Identifier: Apache-2.0
//
// What an API server serves: one Resource for each group, version and plural, of built-in kinds and of
// CustomResourceDefinitions alike. Discovery, paths, storage and tables are made from it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kube/api/status.h"
#include "kube/schema/type.h"

namespace gantry::kube {

class Versions;

struct GroupVersionKind {
  std::string group;  // empty: core
  std::string version;
  std::string kind;

  // "v1" or "apps/v1": what apiVersion says.
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  friend bool operator==(const GroupVersionKind&, const GroupVersionKind&) = default;
};
// Whether kind.api_version() is `text`, without making it.
bool is_api_version(const GroupVersionKind& kind, std::string_view text);

enum class Verb : std::uint16_t {
  Create = 1,
  Get = 2,
  List = 4,
  Watch = 8,
  Update = 16,
  Patch = 32,
  Delete = 64,
  DeleteCollection = 128,
};
using VerbSet = std::uint16_t;
inline constexpr VerbSet kAllVerbs = 255;
inline bool has(VerbSet verbs, Verb verb) { return (verbs & static_cast<VerbSet>(verb)) != 0; }

struct Subresource {
  std::string name;       // "status", "scale", "exec" ...
  GroupVersionKind kind;  // what is sent and answered; often the parent's
  const Type* type = nullptr;
  VerbSet verbs = 0;
};

// A column of `kubectl get`: metav1.TableColumnDefinition and where its value comes from.
struct Column {
  std::string name;
  std::string type;  // "string", "integer", "number", "boolean", "date"
  std::string format;
  std::string description;
  int priority = 0;  // more than 0: only with -o wide
  std::string
      value;  // a JSON path from the object (".spec.replicas"), or the name of a cell function ("@ready")
};

// Where a custom object keeps what its subresource scale shows, as paths: ".spec.replicas".
struct ScalePaths {
  std::string spec_replicas;  // empty: it is built in, and they are where they always are
  std::string status_replicas;
  std::string label_selector;  // of a selector's text; empty: there is none
};

struct Resource {
  GroupVersionKind kind;
  std::string plural;
  std::string singular;
  std::string list_kind;  // "PodList"
  std::vector<std::string> short_names;
  std::vector<std::string> categories;  // "all"
  bool is_namespaced = false;
  const Type* type = nullptr;
  VerbSet verbs = kAllVerbs;
  // "pods", "apps/deployments", of the group and plural that objects are stored as: resources that show the
  // same objects in other groups or versions have the same. The part of the store's keys between the root and
  // the namespace.
  std::string stored_as;
  GroupVersionKind stored_kind;  // the version that objects are stored in
  bool is_kept = true;           // false: asked and answered, never stored (TokenReview)
  std::vector<Subresource> subresources;
  std::vector<Column> columns;                 // empty: name and age
  std::vector<std::string> selectable_fields;  // beside metadata.name and metadata.namespace
  ScalePaths scale;
  std::string deprecation_warning;  // that every client is told; empty: it is not deprecated
  // Shared by the resources of all its versions; null: there is one version only, and it is built in. Of a
  // custom kind it points into what made the resource, and is not to be used for longer.
  std::shared_ptr<const Versions> versions;

  ResourceId id() const { return {kind.group, plural}; }
  const Subresource* find_subresource(std::string_view name) const;
};

}  // namespace gantry::kube
