// SPDX-License-Identifier: Apache-2.0
//
// An image manifest, of OCI 1.0 or 1.1 or of Docker's schema 2: its config and its layers, lowest first.
// Artifacts are manifests too.
//
//   Manifest manifest = TRY(parse_manifest(bytes, content_type));
//
// Images are stored and sent as the bytes they came in; to_json() is for new ones. Refused: a document that
// is of another type than was declared or than it says itself, that could also be read as an index or as
// schema 1 (CVE-2021-41190), and one beyond the limits below. The error names the field.
//
// https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/image/descriptor.h"
#include "oci/image/media_type.h"

namespace gantry::oci {

inline constexpr std::size_t kMaxManifestBytes = 4 << 20;  // what registries have to take, and take at most
inline constexpr std::size_t kMaxManifestLayers = 4096;    // artifacts have more than images
inline constexpr std::size_t kMaxImageLayers = 128;        // of an image that is to run

struct Manifest {
  std::string media_type{media_type::kOciManifest};  // the effective one, also where the document has none
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::optional<Descriptor> subject;
  Annotations annotations;

  Format format() const { return media_type == media_type::kDockerManifest ? Format::Docker : Format::Oci; }
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// `declared_type` is the Content-Type or the media type of the descriptor that led here; empty, or one that
// says nothing ("application/json", "application/octet-stream", "text/plain"), leaves it to the document.
Result<Manifest> parse_manifest(std::string_view json, std::string_view declared_type = {});
std::string to_json(const Manifest& manifest);

// Whether this is the manifest of an image that can be unpacked: a config and at most kMaxImageLayers layers
// of known types.
Result<void> check_is_image(const Manifest& manifest);

}  // namespace gantry::oci
