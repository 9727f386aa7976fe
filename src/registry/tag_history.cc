// SPDX-License-Identifier: Apache-2.0
#include "registry/tag_history.h"

#include "base/json.h"
#include "base/timestamp.h"

namespace gantry::registry {

using oci::Digest;

std::string history_json(std::string_view repository, std::string_view tag,
                         std::span<const image::TagChange> changes) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  json::Writer w;
  w.begin_object().key("name").value(repository).key("tag").value(tag).key("changes").begin_array();
  for (const image::TagChange& change : changes) {
    w.begin_object().key("at").value(
        format_timestamp({.tv_sec = change.at / kSecond, .tv_nsec = change.at % kSecond}));
    if (change.digest) w.key("digest").value(change.digest->str());
    if (!change.by.empty()) w.key("by").value(change.by);
    w.end_object();
  }
  w.end_array().end_object();
  return std::move(w).text();
}

Result<Digest> previous_digest(std::span<const image::TagChange> changes) {
  if (changes.empty()) return error(Code::NotFound, "there never was such a tag");
  const std::optional<Digest>& now = changes.front().digest;
  for (const image::TagChange& change : changes.subspan(1))
    if (change.digest && change.digest != now) return *change.digest;
  return error(Code::NotFound, "the tag never was anything else");
}

Result<Digest> roll_back(image::Repositories& repositories, std::string_view repository, std::string_view tag,
                         const std::optional<Digest>& wanted, std::string_view by) {
  Digest target;
  if (wanted) {
    target = *wanted;
  } else {
    const auto changes = TRY(repositories.history(repository, tag));
    target = TRY_DURING(previous_digest(changes), "roll back '{}:{}'", repository, tag);
  }
  TRY_DURING(repositories.tag(repository, tag, target, by), "roll back '{}:{}' to '{}'", repository, tag,
             target.str());
  return target;
}

}  // namespace gantry::registry
