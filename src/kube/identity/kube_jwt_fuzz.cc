// SPDX-License-Identifier: Apache-2.0
//
// Tokens from anybody: none is verified, and none does harm. One token a line, the first of them also as a
// key.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kube/identity/jwt.h"

using gantry::kube::Jwt;
using gantry::kube::Key;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto key = Key::generate();
  if (!key) std::abort();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto token = Jwt::parse(text)) {
    if (token->is_signed_by(*key)) std::abort();
    (void)token->audiences();
    (void)gantry::kube::check_times(*token, 1'800'000'000);
    if (const auto web_key = Key::from_jwk(token->claims)) (void)token->is_signed_by(*web_key);
  }
  return 0;
}
