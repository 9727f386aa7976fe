// SPDX-License-Identifier: Apache-2.0
//
// A volume as the Docker API shows it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/json_codec.h"
#include "engine/volumes.h"

namespace gantry::docker {

struct VolumeView {
  struct UsageData {
    std::int64_t size = -1;  // bytes; -1: nobody knows
    std::int64_t ref_count = -1;
  };

  std::string created_at;  // RFC 3339
  std::string driver;
  std::map<std::string, std::string> labels;
  std::string mountpoint;
  std::string name;
  std::map<std::string, std::string> options;
  std::string scope;
  std::optional<UsageData> usage_data;  // only where disk usage was asked for
};
void fields(json::Fields& f, VolumeView& view);

VolumeView view_of(const engine::Volume& volume);

}  // namespace gantry::docker
