// SPDX-License-Identifier: Apache-2.0
//
// "Did you mean ...?"
#pragma once

#include <span>
#include <string_view>

namespace gantry::dockerfile {

// The candidate that the word was probably meant to be; empty if it is like none.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace gantry::dockerfile
