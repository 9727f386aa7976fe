// SPDX-License-Identifier: Apache-2.0
//
// The look that every manifest and index gets before it is decoded: is it what it was declared to be, and
// nothing else besides? For the .cc files of this folder.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "oci/image/media_type.h"

namespace gantry::oci {

struct DocumentHead {
  DocumentKind kind;
  std::string media_type;  // the effective one
};

Result<json::Document> parse_document_text(std::string_view json);
Result<DocumentHead> read_head(const json::Value& root, std::string_view declared_type);

// The same, for who wants one kind.
Result<DocumentHead> read_head_of(DocumentKind kind, const json::Value& root, std::string_view declared_type);

}  // namespace gantry::oci
