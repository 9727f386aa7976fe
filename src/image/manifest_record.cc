// SPDX-License-Identifier: Apache-2.0
#include "image/manifest_record.h"

#include <algorithm>

#include "base/json.h"

namespace gantry::image {

using oci::Descriptor;
using oci::Digest;

static bool is_fetched_elsewhere(const Descriptor& layer) {
  const auto type = oci::layer_type(layer.media_type);
  return type && !type->is_distributable;
}

static void describe(ManifestRecord& record, const oci::Manifest& manifest) {
  record.artifact_type = manifest.artifact_type.empty() ? manifest.config.media_type : manifest.artifact_type;
  record.edges.push_back({.child = manifest.config.digest});
  for (const Descriptor& layer : manifest.layers)
    record.edges.push_back({.child = layer.digest, .is_required = !is_fetched_elsewhere(layer)});
}

static void describe(ManifestRecord& record, const oci::Index& index) {
  record.artifact_type = index.artifact_type;
  for (const Descriptor& manifest : index.manifests)
    // An index may hold anything; what is not a manifest or index is a blob.
    record.edges.push_back(
        {.child = manifest.digest, .is_manifest = oci::document_kind(manifest.media_type).has_value()});
}

ManifestRecord record_of(const oci::Document& document) {
  ManifestRecord record{.media_type = std::string(oci::media_type_of(document))};
  const auto fill = [&](const auto& typed) {
    describe(record, typed);
    if (typed.subject) record.subject = typed.subject->digest;
    record.annotations = encode_map(typed.annotations);
  };
  if (const auto* manifest = std::get_if<oci::Manifest>(&document)) fill(*manifest);
  if (const auto* index = std::get_if<oci::Index>(&document)) fill(*index);
  std::ranges::sort(record.edges);
  const auto repeated = std::ranges::unique(record.edges, {}, &ManifestRecord::Edge::child);
  record.edges.erase(repeated.begin(), repeated.end());
  return record;
}

Result<void> insert_record(database::Connection& c, const Digest& digest, const ManifestRecord& record) {
  const std::string name = digest.str();
  std::optional<std::string> subject;
  if (record.subject) subject = record.subject->str();
  const auto added = TRY(
      c.execute("INSERT OR IGNORE INTO manifests (digest, media_type, artifact_type, subject, annotations) "
                "VALUES (?1, ?2, ?3, ?4, ?5)",
                name, record.media_type, record.artifact_type, subject, record.annotations));
  if (added == 0) return {};
  for (const ManifestRecord::Edge& edge : record.edges)
    TRY(c.execute(
        "INSERT OR IGNORE INTO edges (parent, child, is_required, is_manifest) VALUES (?1, ?2, ?3, ?4)", name,
        edge.child.str(), edge.is_required, edge.is_manifest));
  return {};
}

Result<Digest> digest_in(const database::Rows& rows, int column) {
  auto digest = Digest::parse(rows.get<std::string_view>(column));
  if (!digest) return std::move(digest).error().during("read from the image store").with_code(Code::DataLoss);
  return *digest;
}

std::string encode_map(const std::map<std::string, std::string>& map) {
  if (map.empty()) return {};
  json::Writer writer;
  writer.begin_object();
  for (const auto& [key, value] : map) writer.key(key).value(value);
  writer.end_object();
  return std::move(writer).text();
}

Result<std::map<std::string, std::string>> decode_map(std::string_view json) {
  std::map<std::string, std::string> map;
  if (json.empty()) return map;
  const auto document = TRY_DURING(json::Document::parse(std::string(json)), "read from the image store");
  const json::Value root = document.root();
  for (std::size_t i = 0; i < root.size(); ++i) map.emplace(root.key(i), root.at(i).as_string());
  return map;
}

}  // namespace gantry::image
