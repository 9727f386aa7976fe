// SPDX-License-Identifier: Apache-2.0
//
// A manifest or an index, when one does not know which is coming: what a registry answers to "GET manifest".
//
//   Document document = TRY(parse_document(bytes, content_type));
//   if (const auto* index = std::get_if<Index>(&document)) ...
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/schema1.h"

namespace gantry::oci {

using Document = std::variant<Manifest, Index, Schema1Manifest>;

// What the bytes are: as parse_manifest() does for `declared_type`. A document without a media type is what
// its fields make of it, and OCI's; one that could be two things is refused.
Result<DocumentKind> kind_of(std::string_view json, std::string_view declared_type = {});

Result<Document> parse_document(std::string_view json, std::string_view declared_type = {});

// The effective media type: what a registry answers as Content-Type.
std::string_view media_type_of(const Document& document);

// Everything the document points at: config, layers, manifests, and (last, if there) its subject, which may
// not exist. Of schema 1 nothing, since it tells no sizes. Pointers into `document`.
std::vector<const Descriptor*> children_of(const Document& document);
const Descriptor* subject_of(const Document& document);

}  // namespace gantry::oci
