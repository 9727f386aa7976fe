// SPDX-License-Identifier: Apache-2.0
#include "registry/route.h"

namespace gantry::registry {

// Cuts the last component off; what is left has no slash at its end.
static std::string_view take_last(std::string_view& path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view last = slash == path.npos ? path : path.substr(slash + 1);
  path = slash == path.npos ? std::string_view() : path.substr(0, slash);
  return last;
}

Route find_route(std::string_view path) {
  if (path == "/v2/" || path == "/v2") return {.endpoint = Endpoint::Base};
  if (path == "/v2/_catalog") return {.endpoint = Endpoint::Catalog};
  if (path == "/token") return {.endpoint = Endpoint::Token};
  if (path == "/metrics") return {.endpoint = Endpoint::Metrics};
  if (!path.starts_with("/v2/")) return {};
  path.remove_prefix(4);

  // A name may end in "blobs" or "tags" itself, so the longer forms are looked for first.
  const std::string_view last = take_last(path);
  const std::string_view kind = take_last(path);
  if (kind == "uploads" && (path.ends_with("/blobs"))) {
    const std::string_view repository = path.substr(0, path.size() - 6);
    return {last.empty() ? Endpoint::Uploads : Endpoint::Upload, repository, last};
  }
  if (kind == "blobs" && last == "uploads") return {Endpoint::Uploads, path, {}};
  if (kind == "blobs") return {Endpoint::Blob, path, last};
  if (kind == "manifests") return {Endpoint::Manifest, path, last};
  if (kind == "referrers") return {Endpoint::Referrers, path, last};
  if (kind == "tags" && last == "list") return {Endpoint::Tags, path, {}};
  if (path.ends_with("/_gantry")) {
    const std::string_view repository = path.substr(0, path.size() - 8);
    if (kind == "history") return {Endpoint::History, repository, last};
    if (kind == "rollback") return {Endpoint::Rollback, repository, last};
  }
  return {};
}

}  // namespace gantry::registry
