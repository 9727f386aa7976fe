// SPDX-License-Identifier: Apache-2.0
//
// The media types of images, OCI's and Docker's, and what they say about a document or a layer.
//
// https://github.com/opencontainers/image-spec/blob/v1.1.0/media-types.md and
// https://github.com/distribution/distribution/blob/main/docs/content/spec/manifest-v2-2.md
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::oci {

namespace media_type {

inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kOciForeignLayer =
    "application/vnd.oci.image.layer.nondistributable.v1.tar";
inline constexpr std::string_view kOciForeignLayerGzip =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
inline constexpr std::string_view kOciForeignLayerZstd =
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";
inline constexpr std::string_view kOciEmpty = "application/vnd.oci.empty.v1+json";

inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerManifestList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view kDockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
// Not of the specification, but what containerd calls them.
inline constexpr std::string_view kDockerLayerZstd = "application/vnd.docker.image.rootfs.diff.tar.zstd";
inline constexpr std::string_view kDockerForeignLayer =
    "application/vnd.docker.image.rootfs.foreign.diff.tar";
inline constexpr std::string_view kDockerForeignLayerGzip =
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

inline constexpr std::string_view kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view kDockerSchema1Signed =
    "application/vnd.docker.distribution.manifest.v1+prettyjws";

}  // namespace media_type

// What kind of document a media type promises.
enum class DocumentKind : std::uint8_t { Manifest, Index, Schema1 };
std::optional<DocumentKind> document_kind(std::string_view media_type);

// Who wrote the specification that a type or a document follows.
enum class Format : std::uint8_t { Oci, Docker };
// Of a manifest, an index, a config or a layer; empty for every other type.
std::optional<Format> format_of(std::string_view media_type);

enum class LayerEncoding : std::uint8_t { Tar, Gzip, Zstd };

// What the media type of a layer of a file system says of it.
struct LayerType {
  LayerEncoding encoding = LayerEncoding::Gzip;
  bool is_distributable = true;  // false: fetched from its own urls, and not pushed unless asked for
  friend bool operator==(const LayerType&, const LayerType&) = default;
};
// Empty if it is not the type of a layer, as in an artifact.
std::optional<LayerType> layer_type(std::string_view media_type);
// The type of a layer in a format; empty where the format has none (Docker: foreign zstd).
std::optional<std::string_view> layer_media_type(Format format, LayerType type);

bool is_config(std::string_view media_type);

// A Content-Type without its parameters and the white space around it.
std::string_view without_parameters(std::string_view content_type);

// type "/" subtype as RFC 6838, section 4.2 has them.
bool is_well_formed(std::string_view media_type);

}  // namespace gantry::oci
