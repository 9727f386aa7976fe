// SPDX-License-Identifier: Apache-2.0
//
// What the database keeps of a manifest or index: its edges, and what a listing of referrers says of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "database/database.h"
#include "oci/image/digest.h"
#include "oci/image/document.h"

namespace gantry::image {

struct ManifestRecord {
  struct Edge {
    oci::Digest child;
    bool is_required = true;  // false: a layer that is fetched from elsewhere
    bool is_manifest = false;
    friend auto operator<=>(const Edge&, const Edge&) = default;
  };
  std::string media_type;
  std::string artifact_type;  // or, where there is none, the media type of the config
  std::optional<oci::Digest> subject;
  std::string annotations;  // JSON object; empty: none
  std::vector<Edge> edges;  // by child, each once
};

ManifestRecord record_of(const oci::Document& document);

// In a transaction. What is recorded of that digest already is the same.
Result<void> insert_record(database::Connection& connection, const oci::Digest& digest,
                           const ManifestRecord& record);

// Digests that come out of the database went in as digests: DataLoss if they are not any more.
Result<oci::Digest> digest_in(const database::Rows& rows, int column);

// Annotations and labels as the database keeps them: a JSON object, or empty.
std::string encode_map(const std::map<std::string, std::string>& map);
Result<std::map<std::string, std::string>> decode_map(std::string_view json);

}  // namespace gantry::image
