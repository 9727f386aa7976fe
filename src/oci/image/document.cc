// SPDX-License-Identifier: Apache-2.0
#include "oci/image/document.h"

#include "oci/image/document_decode.h"
#include "oci/image/document_head.h"

namespace gantry::oci {

Result<DocumentKind> kind_of(std::string_view json, std::string_view declared_type) {
  const json::Document document = TRY(parse_document_text(json));
  return TRY(read_head(document.root(), declared_type)).kind;
}

Result<Document> parse_document(std::string_view json, std::string_view declared_type) {
  const json::Document document = TRY(parse_document_text(json));
  DocumentHead head = TRY(read_head(document.root(), declared_type));
  switch (head.kind) {
    case DocumentKind::Manifest: return TRY(decode_manifest(document.root(), std::move(head)));
    case DocumentKind::Index: return TRY(decode_index(document.root(), std::move(head)));
    case DocumentKind::Schema1: return TRY(decode_schema1(document.root(), std::move(head), json));
  }
  std::unreachable();
}

std::string_view media_type_of(const Document& document) {
  return std::visit([](const auto& one) -> std::string_view { return one.media_type; }, document);
}

const Descriptor* subject_of(const Document& document) {
  if (const auto* manifest = std::get_if<Manifest>(&document))
    return manifest->subject ? &*manifest->subject : nullptr;
  if (const auto* index = std::get_if<Index>(&document)) return index->subject ? &*index->subject : nullptr;
  return nullptr;
}

std::vector<const Descriptor*> children_of(const Document& document) {
  std::vector<const Descriptor*> children;
  if (const auto* manifest = std::get_if<Manifest>(&document)) {
    children.push_back(&manifest->config);
    for (const Descriptor& layer : manifest->layers) children.push_back(&layer);
  } else if (const auto* index = std::get_if<Index>(&document)) {
    for (const Descriptor& child : index->manifests) children.push_back(&child);
  }
  if (const Descriptor* subject = subject_of(document)) children.push_back(subject);
  return children;
}

}  // namespace gantry::oci
