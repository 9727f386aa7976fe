// SPDX-License-Identifier: Apache-2.0
//
// YAML as people write it (descriptions of images, manifests of pods), made JSON, which everything here
// reads.
//
//   const auto document = TRY(json::Document::parse(TRY(yaml::to_json(text))));
//
// Of YAML 1.2's core schema: plain null, true, false and numbers are what they say; everything in quotes is
// text. Keys of maps are text. Anchors are expanded. Only this folder sees yaml-cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::yaml {

struct Limits {
  std::size_t max_json = 16 << 20;  // bytes of what comes out: anchors of anchors can make much of little
  std::size_t max_depth = 100;
};

// The only document of a text. InvalidArgument with "line 3, column 5: ".
Result<std::string> to_json(std::string_view text, const Limits& limits = {});
// All of them, separated by "---"; those that hold nothing are left out.
Result<std::vector<std::string>> documents_to_json(std::string_view text, const Limits& limits = {});

// One JSON value as YAML in its indented form, with a line break at its end. InvalidArgument if it is no
// JSON.
Result<std::string> from_json(std::string_view json);

}  // namespace gantry::yaml
