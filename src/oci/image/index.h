// SPDX-License-Identifier: Apache-2.0
//
// An image index (OCI) or manifest list (Docker): the same image for several platforms, or a set of anything.
//
//   Index index = TRY(parse_index(bytes, content_type));
//   const Descriptor& chosen = *TRY(select(index, host_platform()));
//
// https://github.com/opencontainers/image-spec/blob/v1.1.0/image-index.md
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

inline constexpr std::size_t kMaxIndexManifests = 8192;

struct Index {
  std::string media_type{media_type::kOciIndex};  // the effective one, also where the document has none
  std::string artifact_type;
  std::vector<Descriptor> manifests;
  std::optional<Descriptor> subject;
  Annotations annotations;

  Format format() const {
    return media_type == media_type::kDockerManifestList ? Format::Docker : Format::Oci;
  }
  friend bool operator==(const Index&, const Index&) = default;
};

// As parse_manifest() does. Of at most kMaxManifestBytes.
Result<Index> parse_index(std::string_view json, std::string_view declared_type = {});
std::string to_json(const Index& index);

// Those that may run on `platform`, best first; of equals the first in the index. Ones that do not say what
// they are for come last: their config has to tell. Pointers into `index`.
std::vector<const Descriptor*> candidates(const Index& index, const Platform& platform);

// The best of them. NotFound tells what platforms there are.
Result<const Descriptor*> select(const Index& index, const Platform& platform);

// The content of the file "oci-layout" that marks an image layout directory.
std::string oci_layout_json();
Result<void> check_oci_layout(std::string_view json);

}  // namespace gantry::oci
