// SPDX-License-Identifier: Apache-2.0
#include "docker/image_filters.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/timestamp.h"
#include "docker/image_removal.h"
#include "docker/time_parameter.h"
#include "oci/image/reference.h"

namespace gantry::docker {

using image::Image;

// As Go's path.Match has it: '*' is anything but a slash.
static bool matches(const std::string& pattern, const std::string& text) {
  return ::fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0;
}

static bool matches_reference(const std::string& pattern, const Image::Name& name) {
  const auto reference = oci::Reference::parse_untagged(name.name);
  return reference &&
         (matches(pattern, reference->familiar()) || matches(pattern, reference->familiar_name()));
}

static Result<std::optional<std::int64_t>> created(const image::ImageStore& store,
                                                   std::span<const std::string> names) {
  std::optional<std::int64_t> time;
  for (const std::string& name : names) {
    const auto image = store.resolve(name);
    if (!image) return no_such_image(name);
    time = image->created;
  }
  return time;
}

static Result<std::optional<std::int64_t>> until(const Filters& filters) {
  if (!filters.has("until")) return std::nullopt;
  return TRY(parse_time(filters.values("until").front(), wall_clock_ns()));
}

Result<ImageFilter> ImageFilter::parse(std::string_view text, const image::ImageStore& store) {
  ImageFilter filter(
      TRY(Filters::parse(text, {"before", "dangling", "label", "label!", "reference", "since", "until"})));
  if (filter.filters_.has("dangling")) filter.dangling_ = TRY(filter.filters_.flag("dangling", true));
  filter.before_ = TRY(created(store, filter.filters_.values("before")));
  filter.since_ = TRY(created(store, filter.filters_.values("since")));
  filter.until_ = TRY(until(filter.filters_));
  return filter;
}

Result<ImageFilter> ImageFilter::parse_for_prune(std::string_view text) {
  ImageFilter filter(TRY(Filters::parse(text, {"dangling", "label", "label!", "until"})));
  if (TRY(filter.filters_.flag("dangling", true))) filter.dangling_ = true;
  filter.until_ = TRY(until(filter.filters_));
  return filter;
}

std::vector<Image> ImageFilter::apply(std::vector<Image> images) const {
  std::erase_if(images, [&](Image& image) { return !accepts(image) || !narrow_names(image); });
  return images;
}

bool ImageFilter::accepts(const Image& image) const {
  if (dangling_ && *dangling_ != image.names.empty()) return false;
  if (before_ && image.created >= *before_) return false;
  if (since_ && image.created <= *since_) return false;
  if (until_ && image.created > *until_) return false;
  return filters_.matches_labels(image.labels);
}

bool ImageFilter::narrow_names(Image& image) const {
  if (!filters_.has("reference")) return true;
  std::erase_if(image.names, [&](const Image::Name& name) {
    return std::ranges::none_of(filters_.values("reference"),
                                [&](const std::string& pattern) { return matches_reference(pattern, name); });
  });
  return !image.names.empty();
}

}  // namespace gantry::docker
