// SPDX-License-Identifier: Apache-2.0
//
// The lists that a registry gives out in pages, and how a page names the next one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::oci {

// GET /v2/<name>/tags/list
struct TagList {
  std::string name;
  std::vector<std::string> tags;
};
Result<TagList> parse_tag_list(std::string_view json);
std::string to_json(const TagList& list);

// GET /v2/_catalog
struct Catalog {
  std::vector<std::string> repositories;
};
Result<Catalog> parse_catalog(std::string_view json);
std::string to_json(const Catalog& catalog);

// Link: </v2/_catalog?last=b&n=2>; rel="next" (RFC 8288). The target as it is written, relative or not.
// Empty if the header names no next page.
std::optional<std::string> next_page(std::string_view link_header);
std::string next_page_header(std::string_view target);

}  // namespace gantry::oci
