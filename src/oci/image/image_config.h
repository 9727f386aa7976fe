// SPDX-License-Identifier: Apache-2.0
//
// The config of an image: what to run, the layers' diff ids, and how it came to be. Docker's fields that OCI
// only mentions (Healthcheck, OnBuild, Shell) are here too; the two formats are one document.
//
// https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md and
// https://github.com/moby/docker-image-spec/blob/main/spec.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/image/digest.h"
#include "oci/image/manifest.h"
#include "oci/image/platform.h"

namespace gantry::oci {

inline constexpr std::size_t kMaxConfigBytes = 8 << 20;

// Go writes a set as an object whose values are {}.
struct EmptyObject {
  friend bool operator==(EmptyObject, EmptyObject) = default;
};
using StringSet = std::map<std::string, EmptyObject>;

struct Healthcheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", ...} or {"CMD-SHELL", command}
  std::int64_t interval = 0;      // nanoseconds, as the next three; 0: inherited
  std::int64_t timeout = 0;
  std::int64_t start_period = 0;
  std::int64_t start_interval = 0;
  std::int64_t retries = 0;
  friend bool operator==(const Healthcheck&, const Healthcheck&) = default;
};

struct ContainerConfig {
  std::string user;
  StringSet exposed_ports;  // "80/tcp"
  std::vector<std::string> env;
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  StringSet volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<std::int64_t> stop_timeout;  // seconds
  bool args_escaped = false;
  std::optional<Healthcheck> healthcheck;
  std::vector<std::string> on_build;
  std::vector<std::string> shell;
  friend bool operator==(const ContainerConfig&, const ContainerConfig&) = default;
};

struct RootFs {
  std::string type = "layers";
  std::vector<Digest> diff_ids;  // lowest first: digests of the uncompressed layers
  friend bool operator==(const RootFs&, const RootFs&) = default;
};

struct History {
  std::string created;  // RFC 3339
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;  // this step made no layer
  friend bool operator==(const History&, const History&) = default;
};

struct ImageConfig {
  std::string created;  // RFC 3339
  std::string author;
  Platform platform;  // its fields stand at the top level of the document
  ContainerConfig config;
  RootFs rootfs;
  std::vector<History> history;
  friend bool operator==(const ImageConfig&, const ImageConfig&) = default;
};

// For documents of others that hold these.
void fields(json::Fields& f, EmptyObject& element);
void fields(json::Fields& f, Healthcheck& check);
void fields(json::Fields& f, ContainerConfig& config);
void fields(json::Fields& f, History& history);

// Of at most kMaxConfigBytes and kMaxManifestLayers diff ids.
Result<ImageConfig> parse_image_config(std::string_view json);
std::string to_json(const ImageConfig& config);

// Whether the two belong together: an image (check_is_image), as many diff ids as layers, and a history that
// does not speak of more layers.
Result<void> check_matches(const ImageConfig& config, const Manifest& manifest);

}  // namespace gantry::oci
