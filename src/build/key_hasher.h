// SPDX-License-Identifier: Apache-2.0
//
// The digest of a list of fields, each of any bytes: lists that differ have different digests, since every
// field is preceded by its length.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include "oci/image/digest.h"

namespace gantry::build {

class KeyHasher {
 public:
  KeyHasher& text(std::string_view field) {
    number(field.size());
    hasher_.update(field);
    return *this;
  }
  KeyHasher& digest(const oci::Digest& digest) { return text(digest.str()); }
  // Eight bytes, the lowest first.
  KeyHasher& number(std::uint64_t value) {
    char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
    hasher_.update(std::string_view(bytes, sizeof bytes));
    return *this;
  }
  template <class Texts>
  KeyHasher& texts(const Texts& fields) {
    number(fields.size());
    for (const auto& field : fields) text(field);
    return *this;
  }
  // Once.
  oci::Digest finish() { return hasher_.finish(); }

 private:
  oci::Hasher hasher_;
};

}  // namespace gantry::build
