// SPDX-License-Identifier: Apache-2.0
//
// The object in a request: JSON as it was sent, or, out of YAML and protocol buffers, a tree.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/json_tree.h"
#include "http/server.h"
#include "kube/api/status.h"
#include "kube/schema/type.h"

namespace gantry::kube {

using RequestBody = std::variant<std::string, json::Tree>;

// `type`: of the object that is expected, for protocol buffers. Empty text: there was no body. 413 for more
// than kObjectLimits, 415 for another media type, 400 for what cannot be read.
Answer<RequestBody> read_object(http::Request& request, const Type* type);
// A patch, which is JSON but for an apply, which may be YAML.
Answer<RequestBody> read_patch(http::Request& request, bool may_be_yaml);

// What was read as a tree: for small documents like DeleteOptions.
Answer<json::Tree> tree_of(RequestBody body);

}  // namespace gantry::kube
