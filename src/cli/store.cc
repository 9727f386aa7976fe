// SPDX-License-Identifier: Apache-2.0
#include "cli/store.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "cli/rootless.h"
#include "image/unpack_image.h"

namespace gantry::cli {
namespace {

// What the image's record calls the snapshot.
std::string user_of(const std::string& key) { return "snapshot/" + key; }

Result<Store> open(const Context& context) {
  TRY_DURING(make_directories(context.root, 0700), "make the store's directory");
  Store store;
  store.images = std::make_unique<image::ImageStore>(TRY(image::ImageStore::open(context.root)));
  store.snapshots =
      std::make_unique<image::Snapshots>(TRY(image::Snapshots::open(context.root, store.images->database())));
  return store;
}

}  // namespace

Result<Store> open_store(const Context& context) {
  TRY(become_root_inside());
  return open(context);
}

Result<Store> open_store_to_unpack(const Context& context) {
  if (TRY(become_root_inside()) == Owners::Lost)
    context.log.warn(
        "files of images will all belong to you: /etc/subuid and /etc/subgid grant you no ids for their "
        "owners");
  return open(context);
}

image::OnLoss warn_of_losses(const Context& context) {
  return [&log = context.log](const std::string& sentence) {
    log.warn("not unpacked as it is in the image", {{"loss", sentence}});
  };
}

Result<std::uint64_t> collect(Store& store) {
  const image::Collected collected = TRY(store.images->collect());
  return collected.bytes + TRY(store.snapshots->collect());
}

Result<void> make_snapshot(const Context& context, Store& store, const image::Image& image,
                           const std::string& key, const image::SnapshotOptions& options) {
  if (TRY(store.snapshots->snapshot(key)))
    return error(Code::AlreadyExists, "there is a snapshot '{}' already", key);
  TRY_DURING(store.images->add_user(image.id, user_of(key)), "snapshot '{}'", key);
  const auto make = [&]() -> Result<void> {
    const oci::Digest top =
        TRY(image::unpack_image(*store.images, *store.snapshots, image, warn_of_losses(context)));
    TRY(store.snapshots->prepare(key, top.is_empty() ? std::nullopt : std::optional(top), options));
    return {};
  };
  Result<void> made = make();
  // Unless somebody else has made one of that key meanwhile, which holds the image then.
  if (!made && made.error().code() != Code::AlreadyExists)
    (void)store.images->remove_user(image.id, user_of(key));  // the first error is the one to tell
  return made;
}

Result<void> remove_snapshot(Store& store, const std::string& key) {
  TRY(store.snapshots->remove(key));
  for (const image::Image& image : TRY(store.images->images()))
    if (std::ranges::find(image.users, user_of(key)) != image.users.end())
      TRY(store.images->remove_user(image.id, user_of(key)));
  return {};
}

Result<void> mount_snapshot(const Context& context, const Store& store, const std::string& key,
                            const std::string& directory) {
  const UniqueFd target = TRY(open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY));
  kernel::OverlayMount root = TRY(store.snapshots->mount(key));
  if (!root.why_fuse.empty())
    context.log.warn("mounted by fuse-overlayfs, which is slower", {{"why", root.why_fuse}});
  return root.mount.attach_to(target.get());
}

Result<void> unmount_directory(const std::string& directory) {
  if (::umount2(directory.c_str(), UMOUNT_NOFOLLOW) < 0) return sys_error("unmount '{}'", directory);
  return {};
}

}  // namespace gantry::cli
