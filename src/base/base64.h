// SPDX-License-Identifier: Apache-2.0
//
// Base64 (RFC 4648), with both of its alphabets.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gantry {

// The standard alphabet, with padding.
std::string to_base64(std::string_view bytes);
// The alphabet for URLs and file names, with padding.
std::string to_base64url(std::string_view bytes);

// Either alphabet, but not both in one text; padding may be missing but not wrong, and bits that no byte
// has room for must be zero, so that one meaning has one spelling. Empty for anything else, white space
// included.
std::optional<std::string> from_base64(std::string_view text);

// As JSON Web Tokens have it (RFC 7515, section 2): the alphabet for URLs, without padding; nothing else is
// read.
std::string to_jose_base64(std::string_view bytes);
std::optional<std::string> from_jose_base64(std::string_view text);

}  // namespace gantry
