// SPDX-License-Identifier: Apache-2.0
//
// Which images the filters of GET /images/json and POST /images/prune mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "docker/filters.h"
#include "image/image_store.h"

namespace gantry::docker {

class ImageFilter {
 public:
  // `text` is the parameter's. NotFound: `before` or `since` name an image that is not there.
  static Result<ImageFilter> parse(std::string_view text, const image::ImageStore& store);
  // The same words mean something else there: without `dangling=false` only images without a name.
  static Result<ImageFilter> parse_for_prune(std::string_view text);

  // Those that it means. With `reference`, an image keeps only the names that match.
  std::vector<image::Image> apply(std::vector<image::Image> images) const;

 private:
  explicit ImageFilter(Filters filters) : filters_(std::move(filters)) {}
  bool accepts(const image::Image& image) const;
  // False: none is left.
  bool narrow_names(image::Image& image) const;

  Filters filters_;
  std::optional<bool> dangling_;
  // When the image was created, nanoseconds since 1970.
  std::optional<std::int64_t> before_, since_, until_;
};

}  // namespace gantry::docker
