// SPDX-License-Identifier: Apache-2.0
//
// What an image is made of, as SPDX 2.3 in JSON: every package, by version, with its purl, and what it was
// built from.
//
// https://spdx.github.io/spdx-spec/v2.3/ and https://github.com/package-url/purl-spec
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "image/compose/package.h"

namespace gantry::image {

struct SbomSubject {
  std::string name;          // of the image, or its digest
  std::string digest;        // of its manifest, "sha256:…"
  std::string distribution;  // "debian"
  std::string suite;         // "bookworm"
  bool is_rpm = false;
  std::int64_t created = 0;  // seconds since 1970
};

// Equal inputs make equal bytes.
std::string spdx_document(const SbomSubject& subject, std::span<const Package> packages);

}  // namespace gantry::image
