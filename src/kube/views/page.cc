// SPDX-License-Identifier: Apache-2.0
#include "kube/views/page.h"

#include <openssl/sha.h>

#include <fmt/format.h>

#include "base/hex.h"

namespace gantry::kube::views {

std::string sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  ::SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
           reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

Page Page::of(std::string_view body) {
  const std::string digest = sha256(body);
  return {.body = SharedBytes(body), .etag = fmt::format("\"{}\"", to_hex(std::as_bytes(std::span(digest))))};
}

}  // namespace gantry::kube::views
