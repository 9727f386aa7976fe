// SPDX-License-Identifier: Apache-2.0
//
// COPY of very many files of which few have changed since the same COPY was made last, of stage_runner.h: a
// layer that stands on the one before, with an archive that is made of the one before.
#include <fcntl.h>

#include <utility>

#include "build/stage_runner.h"
#include "image/layer_support.h"

namespace gantry::build {

using oci::Digest;

namespace {

// Directories that show one image are looked through one after the other; and there is an end to how many
// there can be.
constexpr std::size_t kMostSupports = 8;

}  // namespace

// All of a COPY but its files.
Digest StageRunner::copy_without_files(const CopyWish& wish, const std::string& from) const {
  KeyHasher key = new_key("copied");
  key.digest(state_.chain).text(from).texts(wish.sources).text(wish.destination).text(wish.owner);
  key.text(wish.mode_text).texts(wish.excludes).number(wish.keeps_parents).number(wish.unpacks_archives);
  return key.finish();
}

Result<std::optional<NewLayer>> StageRunner::update_copy(const CopyWish& wish, const CopySet& set,
                                                         const Digest& step, const std::string& files) {
  const std::optional<NewLayer> nothing;
  if (!may_use_cache()) return nothing;
  const auto copied = TRY(context_.hashes.copied(step));
  if (!copied) return nothing;
  const auto change = set.change_since(copied->files, files);
  if (!change) return nothing;
  const auto before = TRY(context_.cache.find(copied->key));
  if (!before) return nothing;
  const Digest support = oci::chain_id(state_.chain, before->diff_id);
  if (!TRY(can_stand_on(support)) || TRY(uncovers(wish, *change))) return nothing;

  StepRoot root = TRY(StepRoot::open(context_.session, support));
  std::optional<Owner> owner;
  if (!wish.owner.empty()) owner = TRY(owner_of(wish.owner, root.directory()));
  TRY(set.write_change(*change, root.directory(), owner, context_.cancel));
  return std::optional(TRY(root.commit_change(*before, state_.top(), commit_options())));
}

Result<bool> StageRunner::can_stand_on(const Digest& layer) const {
  TRY(context_.session.lease().hold(layer));
  auto directories = image::directories_of(context_.session.places().images->database(), layer);
  if (!directories && directories.error().code() == Code::NotFound)
    return false;  // it is not unpacked any more
  return TRY(std::move(directories)) < state_.layers.size() + 1 + kMostSupports;
}

// Whether what is removed has hidden something that would be seen again.
Result<bool> StageRunner::uncovers(const CopyWish& wish, const CopyChange& change) const {
  const auto top = state_.top();
  if (!top || change.removed.empty()) return false;
  const auto below = TRY(context_.session.snapshots().mount_layers(*top));
  UniqueFd opened(::openat(below.mount.fd(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!opened) return sys_error("open the layers below");
  const kernel::RootDir root(std::move(opened));
  for (const std::string& target : change.removed)
    if (root.open_path(kernel::clean_path(wish.destination + "/" + target), O_PATH | O_NOFOLLOW)) return true;
  return false;
}

}  // namespace gantry::build
