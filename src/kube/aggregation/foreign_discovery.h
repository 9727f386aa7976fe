// SPDX-License-Identifier: Apache-2.0
//
// What another API server says that it serves, in the words of the document about all groups.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::kube {

// From an APIResourceList (/apis/GROUP/VERSION) to the resources of an APIVersionDiscovery, a JSON array.
// InvalidArgument for what is no such list.
Result<std::string> resources_of(std::string list, std::string_view group, std::string_view version);

// The hash of that version's OpenAPI document in an index of OpenAPI 3; empty: it has none.
std::string openapi_hash(std::string index, std::string_view group, std::string_view version);

}  // namespace gantry::kube
