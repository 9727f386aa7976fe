// SPDX-License-Identifier: Apache-2.0
//
// Values from the store, and answers of key management plugins.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kube/encryption/kms_messages.h"

using namespace gantry::kube;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)read_status(bytes);
  (void)read_encrypted(bytes);
  (void)read_decrypted(bytes);
  const auto value = read_enveloped(bytes);
  if (!value) return 0;
  const auto again = read_enveloped(to_bytes(*value));
  if (!again || again->secret != value->secret || again->data != value->data) std::abort();
  return 0;
}
