// SPDX-License-Identifier: Apache-2.0
#include "oci/image/index.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/ranges.h>

#include "base/printable.h"
#include "oci/image/codec.h"
#include "oci/image/document_decode.h"
#include "oci/image/document_head.h"

namespace gantry::oci {

using enum json::Presence;

static void fields(json::Fields& f, Index& index) {
  std::uint32_t version = 2;
  f("schemaVersion", version, Required);
  f("mediaType", index.media_type);
  f("artifactType", index.artifact_type);
  f("manifests", index.manifests, Required);
  f("subject", index.subject);
  f("annotations", index.annotations);
}

Result<Index> decode_index(const json::Value& root, DocumentHead head) {
  Index index = TRY(json::decode<Index>(root));
  index.media_type = std::move(head.media_type);

  if (index.manifests.size() > kMaxIndexManifests)
    return error(Code::InvalidArgument, "manifests: has {} elements, more than the {} allowed",
                 index.manifests.size(), kMaxIndexManifests);
  if (!index.artifact_type.empty() && !is_well_formed(index.artifact_type))
    return error(Code::InvalidArgument, "artifactType: '{}' is not a media type",
                 printable(index.artifact_type));
  for (std::size_t i = 0; i < index.manifests.size(); ++i)
    TRY(validate(index.manifests[i], fmt::format("manifests[{}]", i)));
  if (index.subject) TRY(validate(*index.subject, "subject"));
  return index;
}

Result<Index> parse_index(std::string_view json, std::string_view declared_type) {
  const json::Document document = TRY(parse_document_text(json));
  DocumentHead head = TRY(read_head_of(DocumentKind::Index, document.root(), declared_type));
  return decode_index(document.root(), std::move(head));
}

std::string to_json(const Index& index) { return json::encode(index); }

std::vector<const Descriptor*> candidates(const Index& index, const Platform& platform) {
  constexpr unsigned kUnknown = std::numeric_limits<unsigned>::max();
  std::vector<std::pair<unsigned, const Descriptor*>> found;  // by rank, and then by place in the index
  for (const Descriptor& descriptor : index.manifests) {
    // Nothing else could be run, whatever platform it claims.
    if (!document_kind(descriptor.media_type)) continue;
    if (!descriptor.platform)
      found.emplace_back(kUnknown, &descriptor);
    else if (const std::optional<unsigned> rank = match(platform, *descriptor.platform))
      found.emplace_back(*rank, &descriptor);
  }
  std::ranges::sort(found);

  std::vector<const Descriptor*> descriptors;
  for (const auto& [rank, descriptor] : found) descriptors.push_back(descriptor);
  return descriptors;
}

Result<const Descriptor*> select(const Index& index, const Platform& platform) {
  const std::vector<const Descriptor*> found = candidates(index, platform);
  if (!found.empty()) return found.front();

  constexpr std::size_t kMostNamed = 20;
  std::vector<std::string> offered;
  for (const Descriptor& descriptor : index.manifests) {
    if (offered.size() == kMostNamed) {
      offered.emplace_back("...");
      break;
    }
    // "unknown/unknown" is what builders call the attestations that they put beside images.
    if (descriptor.platform && descriptor.platform->os != "unknown")
      offered.push_back(printable(descriptor.platform->str()));
  }
  return error(Code::NotFound, "no image for '{}'; there is {}", printable(platform.str()),
               offered.empty() ? "none that can run" : fmt::format("{}", fmt::join(offered, ", ")));
}

namespace {

constexpr std::string_view kLayoutVersion = "1.0.0";

struct Layout {
  std::string version{kLayoutVersion};
};

void fields(json::Fields& f, Layout& layout) { f("imageLayoutVersion", layout.version, Required); }

}  // namespace

std::string oci_layout_json() { return json::encode(Layout{}); }

Result<void> check_oci_layout(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json), {.bytes = 4096}));
  const Layout layout = TRY(json::decode<Layout>(document.root()));
  if (layout.version != kLayoutVersion)
    return error(Code::Unsupported, "imageLayoutVersion: is '{}', and only '{}' is known",
                 printable(layout.version), kLayoutVersion);
  return {};
}

}  // namespace gantry::oci
