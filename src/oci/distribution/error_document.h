// SPDX-License-Identifier: Apache-2.0
//
// {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "...", "detail": ...}]}: how a registry says no.
//
// https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::oci {

enum class RegistryErrorCode : std::uint8_t {
  BlobUnknown,
  BlobUploadInvalid,
  BlobUploadUnknown,
  DigestInvalid,
  ManifestBlobUnknown,
  ManifestInvalid,
  ManifestUnknown,
  NameInvalid,
  NameUnknown,
  SizeInvalid,
  TagInvalid,
  Unauthorized,
  Denied,
  Unsupported,
  TooManyRequests,
  // Not of the specification, but of docker's registry and understood by its clients.
  RangeInvalid,
  PaginationNumberInvalid,
  Unavailable,
  Unknown,
};
std::string_view name_of(RegistryErrorCode code);  // "BLOB_UNKNOWN"
// The HTTP status that goes with it.
int http_status(RegistryErrorCode code);

inline constexpr std::size_t kMaxErrorDocumentBytes = 1 << 20;  // more is not looked into

struct RegistryError {
  std::string code;  // any word: registries have their own too
  std::string message;
  std::string detail;  // JSON text of any kind; empty: none
};

// What a registry answered with, in one line: "manifest unknown (MANIFEST_UNKNOWN); ...". `body` may be
// anything at all, since proxies answer in HTML; what is no error document gives an empty list.
std::vector<RegistryError> parse_registry_errors(std::string_view body);
std::string describe(const std::vector<RegistryError>& errors);

std::string error_document(RegistryErrorCode code, std::string_view message,
                           std::string_view detail_json = {});

}  // namespace gantry::oci
