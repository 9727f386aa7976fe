// SPDX-License-Identifier: Apache-2.0
#include "build/step_cache.h"

#include <string_view>
#include <utility>

#include "base/timestamp.h"

namespace gantry::build {

using oci::Digest;

namespace {

constexpr std::string_view kComment = "gantry.build ";

}  // namespace

std::string history_comment(const Digest& key) { return std::string(kComment) + key.hex(); }

std::size_t StepCache::import(const StageState& image) {
  MutexLock lock(mutex_);
  std::size_t count = 0, layer = 0;
  for (const oci::History& entry : image.image.history) {
    if (entry.empty_layer) continue;
    if (layer == image.layers.size()) break;
    const std::size_t index = layer++;
    if (!entry.comment.starts_with(kComment)) continue;
    imported_[entry.comment.substr(kComment.size())] = {
        .blob = image.layers[index],
        .diff_id = image.image.rootfs.diff_ids[index],
        .created = parse_timestamp(entry.created).value_or(0)};
    ++count;
  }
  return count;
}

Result<std::optional<NewLayer>> StepCache::find(const Digest& key) {
  std::optional<NewLayer> found;
  if (const auto layer = TRY(layers_.find(key.hex()))) {
    found = NewLayer{.blob = layer->blob, .diff_id = layer->diff_id, .created = layer->created};
  } else {
    MutexLock lock(mutex_);
    if (const auto imported = imported_.find(key.hex()); imported != imported_.end())
      found = imported->second;
  }
  if (!found) return found;
  if (!TRY(session_.lease().hold(found->blob.digest))) return std::optional<NewLayer>();  // it has just gone
  MutexLock lock(mutex_);
  used_.push_back(key.hex());
  return found;
}

Result<void> StepCache::add(const Digest& key, const NewLayer& layer, const std::string& description) {
  return layers_.add(
      key.hex(),
      {.diff_id = layer.diff_id, .blob = layer.blob, .created = layer.created, .description = description});
}

Result<void> StepCache::finish() {
  MutexLock lock(mutex_);
  if (used_.empty()) return {};
  return layers_.touch(std::exchange(used_, {}));
}

}  // namespace gantry::build
