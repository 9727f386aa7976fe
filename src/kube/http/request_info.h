// SPDX-License-Identifier: Apache-2.0
//
// What a request is about, by its method, path and query
// (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris):
//
//   GET /api/v1/namespaces/default/pods/web/log          a resource: get pods/log "web" in "default"
//   GET /apis/apps/v1/deployments?watch=1                a resource: watch deployments
//   GET /healthz                                         none
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "http/url.h"

namespace gantry::kube {

struct RequestInfo {
  bool is_resource = false;
  std::string verb;  // "get", "list", "watch", "create" ...; without a resource: the method in lower case
  std::string path;  // decoded
  // Of resources; empty where there is none.
  std::string group;
  std::string version;
  std::string name_space;
  std::string resource;
  std::string subresource;
  std::string name;
  std::string rest;  // behind the subresource: "proxy/rest/of/it"
};

// InvalidArgument for a path that is not properly encoded.
Result<RequestInfo> read_request_info(std::string_view method, std::string_view path,
                                      const http::Query& query);

}  // namespace gantry::kube
