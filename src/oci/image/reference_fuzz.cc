// SPDX-License-Identifier: Apache-2.0
//
// A name that is taken is the same when read again in each of its spellings; platforms and digests too.
#include <cstdlib>

#include "oci/image/platform.h"
#include "oci/image/reference.h"

namespace {

using namespace gantry::oci;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_refusal(const std::string& message) {
  require(!message.empty() && message.size() < 1024);
  require(message.find_first_of(std::string_view("\n\r\x1b\0", 4)) == std::string::npos);
}

void check_reference(std::string_view text) {
  const auto reference = Reference::parse_untagged(text);
  require(reference.has_value() == Reference::parse(text).has_value());
  if (!reference) return check_refusal(reference.error().message());
  require(Reference::parse_untagged(reference->str()).value() == *reference);
  require(Reference::parse_untagged(reference->familiar()).value() == *reference);
  require(is_registry(reference->registry()) && is_repository(reference->repository()));
  require(reference->name().size() <= kMaxNameLength);
}

void check_platform(std::string_view text) {
  const auto platform = Platform::parse(text);
  if (!platform) return check_refusal(platform.error().message());
  require(Platform::parse(platform->str()).value() == *platform);
  require(normalized(*platform) == *platform);
  require(match(*platform, *platform) == 0U);
}

void check_digest(std::string_view text) {
  const auto digest = Digest::parse(text);
  if (!digest) return check_refusal(digest.error().message());
  require(digest->str() == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_reference(text);
  check_platform(text);
  check_digest(text);
  return 0;
}
