// SPDX-License-Identifier: Apache-2.0
#include "cli/image_filter.h"

#include <algorithm>
#include <string_view>

#include "oci/image/reference.h"

namespace gantry::cli {
namespace {

using image::Image;

bool has_label(const Image& image, const std::string& wanted) {
  const std::size_t equals = wanted.find('=');
  const auto label = image.labels.find(wanted.substr(0, equals));
  return label != image.labels.end() &&
         (equals == std::string::npos || label->second == wanted.substr(equals + 1));
}

// '*' is anything but a slash.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] != '*')
    return !text.empty() && text[0] == pattern[0] && matches(pattern.substr(1), text.substr(1));
  return matches(pattern.substr(1), text) ||
         (!text.empty() && text[0] != '/' && matches(pattern, text.substr(1)));
}

}  // namespace

std::vector<Line> lines_of(const Image& image) {
  std::vector<Line> lines;
  for (const Image::Name& name : image.names) {
    const auto reference = oci::Reference::parse(name.name);
    if (!reference) continue;
    lines.push_back({.image = &image,
                     .repository = reference->familiar_name(),
                     .tag = reference->tag().value_or("<none>"),
                     .digest = name.target});
  }
  if (lines.empty()) lines.push_back({.image = &image, .digest = image.manifest});
  return lines;
}

Result<Filter> Filter::parse(const std::vector<std::string>& words) {
  Filter filter;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos)
      return error(Code::InvalidArgument, "filter '{}' is not of the form name=value", word);
    const std::string name = word.substr(0, equals), value = word.substr(equals + 1);
    if (name == "dangling" && (value == "true" || value == "1"))
      filter.dangling_ = true;
    else if (name == "dangling" && (value == "false" || value == "0"))
      filter.dangling_ = false;
    else if (name == "label")
      filter.labels_.push_back(value);
    else if (name == "reference")
      filter.references_.push_back(value);
    else
      return error(Code::InvalidArgument, "filter '{}' is not known: dangling, label or reference", word);
  }
  return filter;
}

bool Filter::accepts(const Line& line) const {
  if (dangling_ && *dangling_ != line.image->names.empty()) return false;
  if (!std::ranges::all_of(labels_,
                           [&](const std::string& wanted) { return has_label(*line.image, wanted); }))
    return false;
  return references_.empty() || std::ranges::any_of(references_, [&](const std::string& pattern) {
           return matches(pattern, line.repository) || matches(pattern, line.repository + ":" + line.tag);
         });
}

}  // namespace gantry::cli
