// SPDX-License-Identifier: Apache-2.0
#include "docker/image_removal.h"

#include <algorithm>
#include <set>

#include "docker/image_events.h"
#include "docker/image_views.h"
#include "engine/engine.h"
#include "image/unpack_image.h"
#include "oci/image/chain_id.h"
#include "oci/image/reference.h"

namespace gantry::docker {
namespace {

using image::Image;

std::string short_id(const Image& image) { return image.id.hex().substr(0, 12); }

// Of what an image's containers the worst for its removal: one that runs, or else any.
engine::ContainerRef user_of(const Context& context, const Image& image) {
  const std::string id = image.id.str();
  engine::ContainerRef found;
  for (const engine::ContainerRef& container : context.engine.list()) {
    if (container->settings->image != id) continue;
    if (container->state.is_running()) return container;
    found = container;
  }
  return found;
}

// The name of the image that `ref` is; null when it is an id.
const Image::Name* name_meant(const Image& image, const std::string& ref) {
  const auto reference = oci::Reference::parse(ref);
  if (!reference) return nullptr;
  const auto found = std::ranges::find(image.names, reference->str(), &Image::Name::name);
  return found == image.names.end() ? nullptr : &*found;
}

bool is_in_several_repositories(const Image& image) {
  std::set<std::string> repositories;
  for (const Image::Name& name : image.names)
    if (const auto reference = oci::Reference::parse_untagged(name.name))
      repositories.insert(reference->name());
  return repositories.size() > 1;
}

std::string familiar(const std::string& name) {
  const auto reference = oci::Reference::parse_untagged(name);
  return reference ? reference->familiar() : name;
}

Result<void> check_name_may_go(const Context& context, const Image& image, const std::string& ref) {
  const engine::ContainerRef user = user_of(context, image);
  if (!user) return {};
  return error(
      Code::Conflict,
      "conflict: unable to remove repository reference \"{}\" (must force) - container {} is using its "
      "referenced image {}",
      ref, user->short_id(), short_id(image));
}

Result<void> check_image_may_go(const Context& context, const Image& image, bool force) {
  const engine::ContainerRef user = user_of(context, image);
  if (user && user->state.is_running())
    return error(
        Code::Conflict,
        "conflict: unable to delete {} (cannot be forced) - image is being used by running container {}",
        short_id(image), user->short_id());
  if (force) return {};
  if (user)
    return error(
        Code::Conflict,
        "conflict: unable to delete {} (must be forced) - image is being used by stopped container {}",
        short_id(image), user->short_id());
  if (is_in_several_repositories(image))
    return error(
        Code::Conflict,
        "conflict: unable to delete {} (must be forced) - image is referenced in multiple repositories",
        short_id(image));
  return {};
}

// The image, its names, and what comes free with it.
Result<Removed> remove_whole(const Context& context, const Image& image) {
  const auto chain = oci::chain_ids(TRY(image::read_config(context.images, image)).rootfs.diff_ids);
  TRY(context.images.remove_image(image.id, image::ImageStore::Force::Yes));
  Removed removed;
  ImageNames names = names_of(image);
  for (std::string& tag : names.tags) removed.items.push_back({.untagged = std::move(tag)});
  for (std::string& digest : names.digests) removed.items.push_back({.untagged = std::move(digest)});
  for (std::size_t i = 0; i < image.names.size(); ++i)
    publish_image_event(context, "untag", image, image.id.str());
  removed.items.push_back({.deleted = image.id.str()});
  publish_image_event(context, "delete", image, image.id.str());
  removed.bytes = TRY(free_space(context));
  for (auto layer = chain.rbegin(); layer != chain.rend(); ++layer)
    if (!TRY(context.snapshots.layer(*layer))) removed.items.push_back({.deleted = layer->str()});
  return removed;
}

Result<Removed> remove_name(const Context& context, const Image& image, const Image::Name& name) {
  TRY(context.images.untag(name.name));
  publish_image_event(context, "untag", image, image.id.str());
  return Removed{.items = {{.untagged = familiar(name.name)}}};
}

}  // namespace

void fields(json::Fields& f, RemovedItem& item) {
  f("Untagged", item.untagged);
  f("Deleted", item.deleted);
}

Result<Image> find_image(const Context& context, const std::string& ref) {
  Result<Image> image = context.images.resolve(ref);
  if (image || image.error().code() != Code::NotFound) return image;
  return no_such_image(ref);
}

Error no_such_image(const std::string& ref) {
  auto name = oci::Reference::parse(ref);
  return name ? error(Code::NotFound, "No such image: {}", name->familiar())
              : std::move(name).error().during("invalid reference format");
}

Result<std::uint64_t> free_space(const Context& context) {
  const image::Collected collected = TRY(context.images.collect());
  return collected.bytes + TRY(context.snapshots.collect());
}

Result<Removed> remove_image(const Context& context, const std::string& ref, bool force) {
  const Image image = TRY(find_image(context, ref));
  const Image::Name* name = name_meant(image, ref);
  if (name == nullptr) {
    TRY(check_image_may_go(context, image, force));
    return remove_whole(context, image);
  }
  if (image.names.size() > 1) return remove_name(context, image, *name);
  if (!force) TRY(check_name_may_go(context, image, ref));
  // Of an image that a running container uses only the name goes, as forced as it may be.
  if (!check_image_may_go(context, image, force)) return remove_name(context, image, *name);
  return remove_whole(context, image);
}

Result<Removed> prune_image(const Context& context, const Image& image) {
  if (user_of(context, image) || !image.users.empty()) return Removed{};
  return remove_whole(context, image);
}

}  // namespace gantry::docker
