// SPDX-License-Identifier: Apache-2.0
//
// OpenAPI 2 in protocol buffers, as the library gnostic lays it out
// (https://github.com/google/gnostic-models/blob/main/openapiv2/OpenAPIv2.proto): what kubectl asks for.
#pragma once

#include <string>

namespace gantry::kube::views {

// `json`: a document of openapi_document.h; of another's what this does not know is left out.
std::string gnostic_document(std::string json);

}  // namespace gantry::kube::views
