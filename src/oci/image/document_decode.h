// SPDX-License-Identifier: Apache-2.0
//
// What comes after document_head.h: the fields themselves. For the .cc files of this folder.
#pragma once

#include "base/error.h"
#include "base/json.h"
#include "oci/image/document_head.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/schema1.h"

namespace gantry::oci {

Result<Manifest> decode_manifest(const json::Value& root, DocumentHead head);
Result<Index> decode_index(const json::Value& root, DocumentHead head);
// `json` is the text itself, which a signature speaks about.
Result<Schema1Manifest> decode_schema1(const json::Value& root, DocumentHead head, std::string_view json);

}  // namespace gantry::oci
