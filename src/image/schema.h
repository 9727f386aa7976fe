// SPDX-License-Identifier: Apache-2.0
//
// The tables of <root>/metadata.db, described in docs/formats/image-store.md: those of the store, and those
// that others keep beside them.
#pragma once

#include <span>

namespace gantry::image {

// One script a version; the n-th brings the database from version n to n + 1. A script that was released does
// not change any more.
std::span<const char* const> schema_versions();

}  // namespace gantry::image
