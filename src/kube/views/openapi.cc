// SPDX-License-Identifier: Apache-2.0
#include "kube/views/openapi.h"

#include <fmt/format.h>

#include "base/json.h"
#include "kube/views/gnostic.h"
#include "kube/views/gzip.h"
#include "kube/views/merged_openapi.h"
#include "kube/views/openapi_document.h"

namespace gantry::kube::views {
namespace {

constexpr std::size_t kMaxDocument = 256 << 20;  // bytes, of what we have compressed ourselves

std::string path_of(const GroupVersionKind& kind) {
  return fmt::format("{}/{}", kind.group.empty() ? "api" : "apis", kind.api_version());
}

std::string_view unquoted(std::string_view etag) { return etag.substr(1, etag.size() - 2); }

}  // namespace

OpenApi::OpenApi(std::vector<const Resource*> resources, std::span<const ForeignVersion> foreign)
    : resources_(std::move(resources)) {
  for (const Resource* resource : resources_) versions_[path_of(resource->kind)].push_back(resource);
  for (const ForeignVersion& version : foreign) {
    if (version.openapi_v2 != nullptr) foreign_v2_.push_back(version);
    if (!version.openapi_hash.empty())
      foreign_[path_of({.group = version.group, .version = version.version, .kind = {}})] =
          version.openapi_hash;
  }
}

// Two who ask at once make it one after the other: it takes some milliseconds, and memory.
template <class Make>
Page OpenApi::cached(const std::string& name, Make&& make) const {
  const MutexLock lock(mutex_);
  const auto found = pages_.find(name);
  if (found != pages_.end()) return found->second;
  return pages_[name] = Page::of(make());
}

std::string OpenApi::v2_document() const {
  std::string own = openapi_document(resources_, Dialect::V2);
  return foreign_v2_.empty() ? own : merge_openapi(std::move(own), foreign_v2_);
}

Page OpenApi::v2_json() const {
  return cached("v2", [&] { return gzip(v2_document()); });
}

Page OpenApi::v2_protobuf() const {
  return cached("v2.protobuf", [&] { return gzip(gnostic_document(v2_document())); });
}

std::optional<Page> OpenApi::v3(std::string_view version) const {
  const auto found = versions_.find(version);
  if (found == versions_.end()) return std::nullopt;
  return cached(found->first, [&] { return gzip(openapi_document(found->second, Dialect::V3)); });
}

Page OpenApi::v3_index() const {
  std::map<std::string, std::string> hashes = foreign_;
  for (const auto& version : versions_) hashes[version.first] = unquoted(v3(version.first)->etag);
  return cached("v3", [&] {
    json::Writer writer;
    writer.begin_object().key("paths").begin_object();
    for (const auto& [version, hash] : hashes)
      writer.key(version)
          .begin_object()
          .key("serverRelativeURL")
          .value(fmt::format("/openapi/v3/{}?hash={}", version, hash))
          .end_object();
    writer.end_object().end_object();
    return std::move(writer).text();
  });
}

Result<std::string> plain_openapi(const Page& page) { return gunzip(page.body.view(), kMaxDocument); }

}  // namespace gantry::kube::views
