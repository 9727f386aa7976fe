// SPDX-License-Identifier: Apache-2.0
//
// What can be asked of a resource, path by path and method by method, as both versions of OpenAPI tell it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kube/schema/resource.h"

namespace gantry::kube::views {

struct Parameter {
  const char* name;
  const char* type;  // "string", "integer", "boolean"
  const char* description;
};

enum class Body : std::uint8_t { None, Object, Patch, DeleteOptions };

struct ApiOperation {
  const char* method;       // "get"
  const char* action;       // of x-kubernetes-action: "list"
  std::string id;           // "listCoreV1NamespacedPod"
  std::string description;  // "list objects of kind Pod"
  GroupVersionKind kind;
  std::vector<Parameter> parameters;  // of the query
  Body body = Body::None;
  std::string body_definition;    // of Body::Object
  std::string answer_definition;  // empty: text
  bool takes_strategic_merge = false;
};

struct ApiPath {
  std::string path;                     // "/api/v1/namespaces/{namespace}/pods/{name}"
  std::vector<std::string> parameters;  // of the path: "namespace", "name", "path"
  std::vector<ApiOperation> operations;
};

std::vector<ApiPath> paths_of(const Resource& resource);

// "apps_v1": what operations are sorted by.
std::string tag_of(const GroupVersionKind& kind);

}  // namespace gantry::kube::views
