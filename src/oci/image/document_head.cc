// SPDX-License-Identifier: Apache-2.0
#include "oci/image/document_head.h"

#include <algorithm>
#include <array>

#include "base/printable.h"
#include "oci/image/manifest.h"

namespace gantry::oci {
namespace {

std::string_view name_of(DocumentKind kind) {
  switch (kind) {
    case DocumentKind::Manifest: return "a manifest";
    case DocumentKind::Index: return "an index";
    case DocumentKind::Schema1: return "a schema 1 manifest";
  }
  return "?";
}

// Go takes keys in any case, so that other clients would see an index in {"Manifests": []} where we see none.
Result<void> check_spelling(const json::Value& root) {
  static constexpr std::array<std::string_view, 12> kKeys = {
      "schemaVersion", "mediaType",   "artifactType", "config",  "layers",     "manifests",
      "subject",       "annotations", "fsLayers",     "history", "signatures", "architecture"};
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (std::size_t i = 0; i < root.size(); ++i) {
    const std::string_view key = root.key(i);
    for (const std::string_view known : kKeys)
      if (key != known && std::ranges::equal(key, known, {}, lower, lower))
        return error(Code::InvalidArgument, "'{}': the key is spelled '{}'", printable(key), known);
  }
  return {};
}

// Types that servers send when they do not know, or do not say.
bool says_nothing(std::string_view media_type) {
  return media_type.empty() || media_type == "application/json" || media_type == "application/octet-stream" ||
         media_type == "binary/octet-stream" || media_type == "text/plain";
}

bool has(const json::Value& root, std::string_view key) { return root.find(key).has_value(); }

Result<std::string> type_by_content(const json::Value& root) {
  const bool is_manifest = has(root, "config") || has(root, "layers");
  const bool is_index = has(root, "manifests");
  const bool is_schema1 = has(root, "fsLayers");
  if (is_manifest + is_index + is_schema1 == 0)
    return error(Code::InvalidArgument, "mediaType: is missing, and the content is no manifest or index");
  if (is_manifest) return std::string(media_type::kOciManifest);
  if (is_index) return std::string(media_type::kOciIndex);
  return std::string(has(root, "signatures") ? media_type::kDockerSchema1Signed : media_type::kDockerSchema1);
}

Result<std::string> effective_type(const json::Value& root, std::string_view declared) {
  std::string stated;
  if (const std::optional<json::Value> value = root.find("mediaType"); value && !value->is_null()) {
    if (value->kind() != json::Kind::String || value->as_string().empty())
      return error(Code::InvalidArgument, "mediaType: expected a media type");
    stated = value->as_string();
  }
  if (says_nothing(declared)) {
    if (stated.empty()) return type_by_content(root);
    return stated;
  }
  if (!stated.empty() && stated != declared)
    return error(Code::InvalidArgument, "mediaType: is '{}', but the document was declared as '{}'",
                 printable(stated), printable(declared));
  // OCI lets a document go without; schema 1 never had one.
  if (stated.empty() &&
      (declared == media_type::kDockerManifest || declared == media_type::kDockerManifestList))
    return error(Code::InvalidArgument, "mediaType: is required in a document of type '{}'", declared);
  return std::string(declared);
}

Result<void> check_version(const json::Value& root, DocumentKind kind) {
  const std::int64_t expected = kind == DocumentKind::Schema1 ? 1 : 2;
  const std::optional<json::Value> version = root.find("schemaVersion");
  if (!version) return error(Code::InvalidArgument, "schemaVersion: is required");
  if (version->as_int64() != expected)
    return error(Code::InvalidArgument, "schemaVersion: is {}, but {} has {}",
                 printable(version->to_text(), 20), name_of(kind), expected);
  return {};
}

// CVE-2021-41190: a document that one client reads as a manifest and another as an index.
Result<void> check_single(const json::Value& root, DocumentKind kind) {
  struct Mark {
    std::string_view key;
    DocumentKind kind;
  };
  static constexpr Mark kMarks[] = {{"config", DocumentKind::Manifest},
                                    {"layers", DocumentKind::Manifest},
                                    {"manifests", DocumentKind::Index},
                                    {"fsLayers", DocumentKind::Schema1}};
  for (const Mark& mark : kMarks)
    if (mark.kind != kind && has(root, mark.key))
      return error(Code::InvalidArgument, "{}: makes this document {} as well as {}", mark.key,
                   name_of(mark.kind), name_of(kind));
  return {};
}

}  // namespace

Result<json::Document> parse_document_text(std::string_view json) {
  return json::Document::parse(std::string(json), {.bytes = kMaxManifestBytes});
}

Result<DocumentHead> read_head(const json::Value& root, std::string_view declared_type) {
  if (root.kind() != json::Kind::Object)
    return error(Code::InvalidArgument, "expected an object, is {}", json::name_of(root.kind()));
  TRY(check_spelling(root));
  std::string media_type = TRY(effective_type(root, without_parameters(declared_type)));
  const std::optional<DocumentKind> kind = document_kind(media_type);
  if (!kind)
    return error(Code::Unsupported, "mediaType: '{}' is neither a manifest nor an index",
                 printable(media_type));
  TRY(check_version(root, *kind));
  TRY(check_single(root, *kind));
  return DocumentHead{*kind, std::move(media_type)};
}

Result<DocumentHead> read_head_of(DocumentKind kind, const json::Value& root,
                                  std::string_view declared_type) {
  DocumentHead head = TRY(read_head(root, declared_type));
  if (head.kind != kind)
    return error(Code::InvalidArgument, "mediaType: '{}' is {}, not {}", head.media_type, name_of(head.kind),
                 name_of(kind));
  return head;
}

}  // namespace gantry::oci
