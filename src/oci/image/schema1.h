// SPDX-License-Identifier: Apache-2.0
//
// Docker's first manifest format (2014), which some registries still hold. It names layers by the digest of
// their compressed bytes only, without sizes, so an image can be made of it only after its layers were
// fetched and unpacked. Nothing writes it any more, and we do not either.
//
//   Schema1Manifest old = TRY(parse_schema1(bytes));
//   for (const Digest& blob : old.layer_blobs()) ...             // fetch, unpack; note size and diff id
//   ConvertedImage image = TRY(convert_schema1(old, layers));    // config and manifest of today
//
// https://github.com/distribution/distribution/blob/v2.8.3/docs/spec/manifest-v2-1.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/image/digest.h"
#include "oci/image/manifest.h"

namespace gantry::oci {

struct Schema1Layer {
  Digest blob;                   // of the compressed layer
  std::string v1_compatibility;  // JSON: one step of history; the topmost also holds the config
  bool is_throwaway = false;     // the step changed no file; its blob is an empty layer, not to be fetched
};

struct Schema1Manifest {
  std::string media_type;
  std::string name;
  std::string tag;
  std::string architecture;
  std::vector<Schema1Layer> layers;  // lowest first; the document has them topmost first

  // The signed part of the document: what its digest is the digest of. The same bytes as the document's
  // where it is not signed.
  std::string payload;

  // What to fetch: the layers that are not throwaway, lowest first.
  std::vector<Digest> layer_blobs() const;
};

// Signed ("prettyjws") or not. Signatures are not checked, as no client does: they say who signed with a key
// that nobody knows. The digest of `payload` is what binds the content.
Result<Schema1Manifest> parse_schema1(std::string_view json, std::string_view declared_type = {});

// What became known of one blob of layer_blobs().
struct UnpackedLayer {
  Digest blob;
  std::uint64_t size = 0;  // bytes as they were fetched
  Digest diff_id;
  LayerEncoding encoding = LayerEncoding::Gzip;
};

struct ConvertedImage {
  std::string config;     // JSON
  std::string manifest;   // JSON, Docker schema 2
  Descriptor descriptor;  // of the manifest
};

// `layers` in the order of layer_blobs().
Result<ConvertedImage> convert_schema1(const Schema1Manifest& manifest,
                                       std::span<const UnpackedLayer> layers);

}  // namespace gantry::oci
