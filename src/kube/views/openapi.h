// SPDX-License-Identifier: Apache-2.0
//
// The server's description of itself: OpenAPI 2 in one document (/openapi/v2, as JSON or in gnostic's
// protocol buffers) and OpenAPI 3 in one for each group and version (/openapi/v3, /openapi/v3/apis/apps/v1):
// what `kubectl explain`, client-side validation and generators of clients read
// (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition). Made when
// somebody asks, and kept compressed. For any thread.
//
//   const Page page = openapi.v2_json();
//   send(accepts_gzip ? page.body.view() : plain_openapi(page));
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "kube/schema/resource.h"
#include "kube/views/foreign_version.h"
#include "kube/views/page.h"

namespace gantry::kube::views {

// What clients accept, and what the answer's Content-Type says: an "@" would be none to those that parse it.
inline constexpr std::string_view kAcceptsOpenApiProtobuf =
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
inline constexpr std::string_view kOpenApiProtobuf =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

// Bodies of all pages but the index are compressed with gzip.
class OpenApi {
 public:
  // The resources live longer. A server makes another one when CustomResourceDefinitions come or go.
  // `foreign`: whose documents of OpenAPI 3 are in the index, and are to be asked for elsewhere; those of
  // OpenAPI 2 become part of ours.
  explicit OpenApi(std::vector<const Resource*> resources, std::span<const ForeignVersion> foreign = {});

  Page v2_json() const;
  Page v2_protobuf() const;
  // "/openapi/v3": which documents there are, each with the hash of what it is made from.
  Page v3_index() const;
  // `version`: "api/v1", "apis/apps/v1". Nothing: there is no such.
  std::optional<Page> v3(std::string_view version) const;

 private:
  std::string v2_document() const;
  template <class Make>
  Page cached(const std::string& name, Make&& make) const;

  const std::vector<const Resource*> resources_;
  std::map<std::string, std::vector<const Resource*>, std::less<>> versions_;  // of OpenAPI 3
  std::map<std::string, std::string> foreign_;                                 // hashes by version
  std::vector<ForeignVersion> foreign_v2_;                                     // those with OpenAPI 2
  mutable Mutex mutex_;                                                        // guards what follows
  mutable std::map<std::string, Page> pages_ GUARDED_BY(mutex_);
};

// The body of a page of it, for clients that do not accept gzip.
Result<std::string> plain_openapi(const Page& page);

}  // namespace gantry::kube::views
