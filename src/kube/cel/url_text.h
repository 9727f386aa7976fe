// SPDX-License-Identifier: Apache-2.0
//
// URLs as rules look at them: absolute, or a path (what Go calls a request URI). Parts are as they are
// written.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/cel/value.h"

namespace gantry::kube::cel {

// The parts point into `text`. The error says what is wrong.
std::expected<UrlParts, std::string> parse_url(std::string_view text);
std::string_view host_name_of(const UrlParts& url);  // without port and brackets
std::string_view port_of(const UrlParts& url);

// "a=1&b=%20" decoded, in its order; what cannot be decoded is left out.
std::vector<std::pair<std::string, std::string>> query_of(const UrlParts& url);
// The path with what must be escaped escaped; what is escaped already stays.
std::string escaped_path_of(const UrlParts& url);

}  // namespace gantry::kube::cel
