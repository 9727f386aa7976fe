// SPDX-License-Identifier: Apache-2.0
//
// A path to the endpoint it means. The table is that of the distribution specification 1.1 (section
// "Endpoints"); a repository name has slashes of its own, so a path is read from its end.
#pragma once

#include <cstdint>
#include <string_view>

namespace gantry::registry {

enum class Endpoint : std::uint8_t {
  Unknown,
  Base,       // /v2/                                  end-1
  Catalog,    // /v2/_catalog                          (Docker's; not of the specification)
  Blob,       // /v2/<name>/blobs/<digest>             end-2, end-10
  Manifest,   // /v2/<name>/manifests/<reference>      end-3, end-7, end-9
  Uploads,    // /v2/<name>/blobs/uploads/             end-4, end-11
  Upload,     // /v2/<name>/blobs/uploads/<id>         end-5, end-6, end-13, end-14
  Tags,       // /v2/<name>/tags/list                  end-8
  Referrers,  // /v2/<name>/referrers/<digest>         end-12
  History,    // /v2/<name>/_gantry/history/<tag>      ours
  Rollback,   // /v2/<name>/_gantry/rollback/<tag>     ours
  Token,      // /token
  Metrics,    // /metrics
};

struct Route {
  Endpoint endpoint = Endpoint::Unknown;
  std::string_view repository;  // not checked yet: oci::is_repository()
  std::string_view reference;   // digest, tag or upload id; not checked either
};

// `path` is decoded and without query; the result points into it.
Route find_route(std::string_view path);

}  // namespace gantry::registry
