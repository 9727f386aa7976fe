// SPDX-License-Identifier: Apache-2.0
//
// An image of the store as the Docker API shows it: a line of a list, everything about one, how it came to
// be.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json_codec.h"
#include "container/settings.h"
#include "docker/api_version.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "oci/image/digest.h"

namespace gantry::docker {

// "busybox:latest" for what the store knows as "docker.io/library/busybox:latest", and the same by digest.
struct ImageNames {
  std::vector<std::string> tags;
  std::vector<std::string> digests;
};
ImageNames names_of(const image::Image& image);

// ImageSummary. Sizes are bytes of the files in the layers.
struct ImageSummary {
  std::string id;
  std::string parent_id;
  std::vector<std::string> repo_tags;
  std::vector<std::string> repo_digests;
  std::int64_t created = 0;  // seconds since 1970
  std::uint64_t size = 0;
  std::int64_t shared_size = -1;              // -1: not looked for, as the next but one
  std::optional<std::uint64_t> virtual_size;  // what `size` was called until 1.43
  std::map<std::string, std::string> labels;
  std::int64_t containers = -1;
};
void fields(json::Fields& f, ImageSummary& summary);

ImageSummary summary_of(const image::Image& image, ApiVersion version);

// ImageInspect.
struct ImageDetails {
  struct GraphDriver {
    std::string name;
    std::map<std::string, std::string> data;
  };
  struct RootFs {
    std::string type;
    std::vector<std::string> layers;
  };
  struct Metadata {
    std::string last_tag_time;
  };

  std::string id;
  std::vector<std::string> repo_tags;
  std::vector<std::string> repo_digests;
  std::string parent;
  std::string comment;
  std::string created;  // RFC 3339
  std::string container;
  std::optional<container::Config> container_config;
  std::string docker_version;
  std::string author;
  container::Config config;
  std::string architecture;
  std::string variant;
  std::string os;
  std::string os_version;
  std::uint64_t size = 0;
  std::optional<std::uint64_t> virtual_size;
  GraphDriver graph_driver;
  RootFs rootfs;
  Metadata metadata;
};
void fields(json::Fields& f, ImageDetails& details);

Result<ImageDetails> details_of(const image::ImageStore& store, const image::Image& image,
                                ApiVersion version);

// HistoryResponseItem, the newest first.
struct HistoryItem {
  std::string id;
  std::int64_t created = 0;  // seconds since 1970
  std::string created_by;
  std::vector<std::string> tags;
  std::uint64_t size = 0;
  std::string comment;
};
void fields(json::Fields& f, HistoryItem& item);

Result<std::vector<HistoryItem>> history_of(const image::ImageStore& store, const image::Snapshots& snapshots,
                                            const image::Image& image);

// What is the image's own, and what it shares with others.
struct SharedSizes {
  std::map<oci::Digest, std::uint64_t> shared;  // bytes by image
  std::uint64_t all_layers = 0;                 // bytes of every layer once
};
Result<SharedSizes> shared_sizes(const image::ImageStore& store, const image::Snapshots& snapshots,
                                 const std::vector<image::Image>& images);

}  // namespace gantry::docker
