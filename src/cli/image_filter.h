// SPDX-License-Identifier: Apache-2.0
//
// Images as lists show them, and which of them are meant by docker's filters: dangling=true,
// label=KEY[=VALUE], reference=PATTERN.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/image_store.h"

namespace gantry::cli {

// One line of the listing: an image has as many as it has names, and one if it has none.
struct Line {
  const image::Image* image;
  std::string repository = "<none>";
  std::string tag = "<none>";
  oci::Digest digest;  // what the name stands for
};

std::vector<Line> lines_of(const image::Image& image);

class Filter {
 public:
  static Result<Filter> parse(const std::vector<std::string>& words);
  bool accepts(const Line& line) const;

 private:
  std::optional<bool> dangling_;
  std::vector<std::string> labels_, references_;
};

}  // namespace gantry::cli
