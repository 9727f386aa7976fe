// SPDX-License-Identifier: Apache-2.0
//
// From schema files (README.md has the language) to types and resources. The files are part of the program;
// errors are for who edits them, and name file and line.
#pragma once

#include <deque>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/embedded_text.h"
#include "base/error.h"
#include "kube/schema/resource.h"
#include "kube/schema/type.h"

namespace gantry::kube {

// All that a set of files describes. What has pointers into it may not outlive it.
struct SchemaSet {
  std::deque<Type> types;
  std::vector<Resource> resources;                          // in the order of the files
  std::unordered_map<std::string_view, const Type*> names;  // of types by their full names
};

Result<SchemaSet> read_schemas(std::span<const EmbeddedText> files);

}  // namespace gantry::kube
