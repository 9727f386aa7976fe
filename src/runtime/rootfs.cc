// SPDX-License-Identifier: Apache-2.0
#include "runtime/rootfs.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/file.h"
#include "kernel/copy_up.h"
#include "kernel/id_map.h"
#include "kernel/pty.h"
#include "runtime/devices.h"
#include "runtime/mount_options.h"
#include "runtime/proc_guard.h"

namespace gantry::runtime {
namespace {

using kernel::Depth;
using kernel::DetachedMount;

bool is_bind(const oci::Mount& mount, const MountOptions& options) {
  return options.bind || mount.type == "bind";
}

std::string absolute_source(const std::string& source, const std::string& bundle) {
  return source.starts_with('/') ? source : bundle + "/" + source;
}

std::vector<kernel::IdRange> as_ranges(const std::vector<oci::IdMapping>& mappings) {
  std::vector<kernel::IdRange> ranges;
  for (const oci::IdMapping& m : mappings) ranges.push_back({m.container_id, m.host_id, m.size});
  return ranges;
}

Result<void> map_ids(DetachedMount& mount, const oci::Mount& description, const MountOptions& options,
                     int container_user_namespace) {
  UniqueFd own;
  int user_namespace = container_user_namespace;
  if (!description.uid_mappings.empty() || !description.gid_mappings.empty()) {
    own = TRY(kernel::make_user_namespace(
        {as_ranges(description.uid_mappings), as_ranges(description.gid_mappings)}));
    user_namespace = own.get();
  }
  if (user_namespace < 0)
    return error(Code::InvalidArgument,
                 "option 'idmap' needs uidMappings and gidMappings or a user namespace");
  return mount.set_id_map(user_namespace, options.id_map_recursive ? Depth::Tree : Depth::One);
}

Result<DetachedMount> open_bind_source(const oci::Mount& mount, const MountOptions& options,
                                       const std::string& bundle, int container_user_namespace) {
  DetachedMount source = TRY(DetachedMount::copy_of(AT_FDCWD, absolute_source(mount.source, bundle),
                                                    options.bind_recursive ? Depth::Tree : Depth::One));
  if (maps_ids(mount)) TRY(map_ids(source, mount, options, container_user_namespace));
  return source;
}

// Of a file that is to cover a directory, or the other way round, move_mount(2) says no more than EINVAL.
Result<void> check_kinds(const DetachedMount& mount, int target) {
  struct stat source{}, covered{};
  if (::fstat(mount.fd(), &source) < 0 || ::fstat(target, &covered) < 0) return sys_error("look at mount");
  if (S_ISDIR(source.st_mode) == S_ISDIR(covered.st_mode)) return {};
  const bool is_file = S_ISDIR(covered.st_mode);
  return error(Code::InvalidArgument, "cannot mount a {} over a {}: not a directory",
               is_file ? "file" : "directory", is_file ? "directory" : "file");
}

Result<void> attach(DetachedMount& mount, const MountOptions& options, int target) {
  TRY(mount.set_attributes(options.recursive, Depth::Tree));
  if (auto attached = mount.attach_to(target); !attached) {
    TRY(check_kinds(mount, target));
    return attached;
  }
  if (options.attributes.propagation != 0)
    TRY(mount.set_attributes({.propagation = options.attributes.propagation},
                             options.recursive_propagation ? Depth::Tree : Depth::One));
  return {};
}

// The mount that holds `path`, as a path of its own.
Result<std::string> mount_point_of(std::string path) {
  const auto mount_id = [](const std::string& of) -> Result<std::uint64_t> {
    struct statx st{};
    if (::statx(AT_FDCWD, of.c_str(), AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st) < 0)
      return sys_error("look at '{}'", of);
    return st.stx_mnt_id;
  };
  const std::uint64_t id = TRY(mount_id(path));
  while (path != "/") {
    const std::string above = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    if (TRY(mount_id(above)) != id) return path;
    path = above;
  }
  return path;
}

// Keeps our mounts from travelling to the host. What rootfsPropagation asks for comes after the pivot, which
// refuses shared mounts; but what is to be shared later must not be cut off now.
Result<void> detach_from_host(const RootfsPlan& plan) {
  const unsigned long asked = propagation_flag(plan.spec.linux_.rootfs_propagation);
  if ((asked & MS_SHARED) != 0) {
    const std::string parent = TRY(mount_point_of(plan.root_path));
    if (::mount(nullptr, parent.c_str(), nullptr, MS_PRIVATE, nullptr) < 0)
      return sys_error("make '{}' private", parent);
    return {};
  }
  const unsigned long now = (asked & MS_PRIVATE) != 0 ? MS_PRIVATE : MS_SLAVE;
  if (::mount(nullptr, "/", nullptr, now | MS_REC, nullptr) < 0)
    return sys_error("keep mounts from travelling to the host");
  return {};
}

bool has_option(const std::vector<std::string>& options, std::string_view prefix) {
  return std::ranges::any_of(options, [&](const std::string& option) { return option.starts_with(prefix); });
}

}  // namespace

bool maps_ids(const oci::Mount& mount) {
  return parse_mount_options(mount.options).id_map || !mount.uid_mappings.empty() ||
         !mount.gid_mappings.empty();
}

Result<std::vector<std::optional<DetachedMount>>> open_bind_sources(const oci::Spec& spec,
                                                                    const std::string& bundle,
                                                                    int container_user_namespace) {
  std::vector<std::optional<DetachedMount>> sources(spec.mounts.size());
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    const oci::Mount& mount = spec.mounts[i];
    const MountOptions options = parse_mount_options(mount.options);
    if (!is_bind(mount, options)) continue;
    DetachedMount source = TRY_DURING(open_bind_source(mount, options, bundle, container_user_namespace),
                                      "mounts[{}] '{}'", i, mount.destination);
    // What the container's own copy of the host's mounts gets too: the host's changes come in, none go out.
    TRY(source.set_attributes({.propagation = MS_SLAVE}, Depth::Tree));
    sources[i] = std::move(source);
  }
  return sources;
}

Result<Rootfs> Rootfs::assemble(const RootfsPlan& plan) {
  TRY(detach_from_host(plan));
  DetachedMount root = TRY_DURING(DetachedMount::copy_of(AT_FDCWD, plan.root_path, Depth::Tree), "root.path");
  UniqueFd place = TRY(open_at(AT_FDCWD, plan.root_path, O_PATH | O_DIRECTORY));
  TRY_DURING(root.attach_to(place.get()), "root.path '{}'", plan.root_path);
  const unsigned long asked = propagation_flag(plan.spec.linux_.rootfs_propagation);
  const bool is_cut_off =
      (asked & (MS_PRIVATE | MS_SHARED | MS_UNBINDABLE)) != 0;  // shared: anew, with nobody yet
  const std::uint64_t now = is_cut_off ? MS_PRIVATE : MS_SLAVE;
  TRY(root.set_attributes({.propagation = now}, Depth::One));
  Rootfs rootfs(plan, kernel::RootDir(std::move(root).release()));
  TRY(rootfs.mount_all());
  TRY(rootfs.set_up_dev());
  return rootfs;
}

Result<void> Rootfs::mount_all() {
  for (std::size_t i = 0; i < plan_.spec.mounts.size(); ++i)
    TRY_DURING(mount_one(i), "mounts[{}] '{}'", i, plan_.spec.mounts[i].destination);
  return {};
}

Result<void> Rootfs::mount_one(std::size_t index) {
  const oci::Mount& mount = plan_.spec.mounts[index];
  if (is_bind(mount, parse_mount_options(mount.options))) return mount_bind(mount, plan_.sources[index]);
  if (mount.type == "cgroup" || mount.type == "cgroup2") return mount_cgroups(mount);
  return mount_filesystem(mount);
}

Result<void> Rootfs::mount_bind(const oci::Mount& mount, std::optional<DetachedMount>& source) {
  const MountOptions options = parse_mount_options(mount.options);
  if (!source) source = TRY(open_bind_source(mount, options, plan_.bundle, -1));
  struct stat st{};
  if (::fstat(source->fd(), &st) < 0) return sys_error("look at '{}'", mount.source);
  UniqueFd target = TRY(S_ISDIR(st.st_mode) ? root_.make_directory(mount.destination, 0755)
                                            : root_.make_file(mount.destination, 0755));
  // A whole proc bound over /proc is still a proc.
  if (!TRY(is_root_of_proc(source->fd()))) TRY(refuse_inside_proc(target.get(), root_));
  TRY(source->set_attributes({.set = options.attributes.set, .clear = options.attributes.clear}, Depth::One));
  return attach(*source, options, target.get());
}

Result<void> Rootfs::mount_filesystem(const oci::Mount& mount) {
  MountOptions options = parse_mount_options(mount.options);
  // A tmpfs over a directory looks like it, unless something else is asked for. Where there is none it has
  // the kernel's own mode, which lets everybody write (runc).
  if (mount.type == "tmpfs" && !has_option(options.data, "mode="))
    if (const auto covered = root_.open_path(mount.destination, O_PATH | O_DIRECTORY)) {
      struct stat st{};
      if (::fstat(covered->get(), &st) < 0) return sys_error("look at the directory to cover");
      options.data.push_back(fmt::format("mode={:o}", st.st_mode & 07777));
    }
  UniqueFd target;
  const bool is_kernel_view = mount.type == "proc" || mount.type == "sysfs";
  if (is_kernel_view) {
    // Masks and read-only paths are about to be put below these; a link here would have them elsewhere.
    target = TRY(root_.make_directory(mount.destination, 0755));
    target = TRY(root_.open_without_links(mount.destination, O_PATH | O_DIRECTORY));
  } else {
    target = TRY(root_.make_directory(mount.destination, 0755));
    TRY(refuse_inside_proc(target.get(), root_));
  }
  // Files of proc, sysfs and mqueue have labels of the kernel's own.
  const std::string& label = plan_.spec.linux_.mount_label;
  if (!label.empty() && !is_kernel_view && mount.type != "mqueue") options.data.push_back("context=" + label);
  // The file system is made writable where something has to be put into it first.
  const bool is_dev = kernel::clean_path(mount.destination) == "/dev";
  const bool later = (options.copy_up || is_dev) && (options.attributes.set & MOUNT_ATTR_RDONLY) != 0;
  const std::uint64_t attributes = options.attributes.set & ~(later ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0);
  DetachedMount made = TRY(DetachedMount::create({.type = mount.type,
                                                  .source = mount.source.empty() ? mount.type : mount.source,
                                                  .options = options.data,
                                                  .attributes = attributes}));
  if (options.copy_up) {
    UniqueFd from = TRY(open_at(target.get(), ".", O_RDONLY | O_DIRECTORY));
    UniqueFd to = TRY(open_at(made.fd(), ".", O_RDONLY | O_DIRECTORY));
    TRY_DURING(kernel::copy_up(from.get(), to.get()), "copy up");
  }
  TRY(attach(made, options, target.get()));
  if (is_kernel_view)
    kernel_views_.emplace_back(kernel::clean_path(mount.destination),
                               kernel::RootDir(std::move(made).release()));
  else if (later)
    read_only_later_.push_back(std::move(made).release());
  return {};
}

Result<void> Rootfs::mount_cgroups(const oci::Mount& mount) {
  const MountOptions options = parse_mount_options(mount.options);
  UniqueFd target = TRY(root_.make_directory(mount.destination, 0755));
  TRY(refuse_inside_proc(target.get(), root_));
  const std::uint64_t attributes = options.attributes.set;
  // Binding the container's own group shows just what a mount from inside of a cgroup namespace
  // would, without a new superblock for every hierarchy.
  const auto bind = [&](const std::string& path, int place) -> Result<void> {
    DetachedMount group = TRY(DetachedMount::copy_of(AT_FDCWD, path, Depth::One));
    TRY(group.set_attributes({.set = attributes, .clear = options.attributes.clear}, Depth::One));
    return attach(group, options, place);
  };
  const auto v2 = std::ranges::find(plan_.cgroups, "", &CgroupView::name);
  if (v2 != plan_.cgroups.end() && (plan_.cgroups.size() == 1 || mount.type == "cgroup2"))
    return bind(v2->host_path, target.get());
  DetachedMount top =
      TRY(DetachedMount::create({.type = "tmpfs",
                                 .source = "tmpfs",
                                 .options = {"mode=755"},
                                 .attributes = attributes & ~std::uint64_t{MOUNT_ATTR_RDONLY}}));
  TRY(attach(top, options, target.get()));
  for (const CgroupView& view : plan_.cgroups) {
    if (view.name.empty()) continue;  // the unified half of a mixed host: has no controllers to show
    if (::mkdirat(top.fd(), view.name.c_str(), 0755) < 0) return sys_error("make directory '{}'", view.name);
    UniqueFd place = TRY(open_at(top.fd(), view.name, O_PATH | O_DIRECTORY));
    TRY_DURING(bind(view.host_path, place.get()), "cgroup '{}'", view.name);
    for (const std::string& alias : view.aliases)
      if (::symlinkat(view.name.c_str(), top.fd(), alias.c_str()) < 0) return sys_error("link '{}'", alias);
  }
  if (attributes & MOUNT_ATTR_RDONLY) TRY(top.set_attributes({.set = MOUNT_ATTR_RDONLY}, Depth::One));
  return {};
}

Result<void> Rootfs::set_up_dev() const {
  const auto& mounts = plan_.spec.mounts;
  const bool is_hosts = std::ranges::any_of(mounts, [](const oci::Mount& mount) {
    return kernel::clean_path(mount.destination) == "/dev" &&
           is_bind(mount, parse_mount_options(mount.options));
  });
  if (is_hosts) return {};  // the host's own /dev: nothing to make, nothing to change
  UniqueFd dev = TRY(root_.make_directory("/dev", 0755));
  for (const oci::Device& device : devices_of_container(plan_.spec.linux_.devices))
    TRY(make_device(root_, device, plan_.can_make_devices));
  constexpr std::array<std::pair<const char*, const char*>, 6> kLinks = {{{"/proc/self/fd", "fd"},
                                                                          {"/proc/self/fd/0", "stdin"},
                                                                          {"/proc/self/fd/1", "stdout"},
                                                                          {"/proc/self/fd/2", "stderr"},
                                                                          {"/proc/kcore", "core"},
                                                                          {"pts/ptmx", "ptmx"}}};
  for (const auto& [to, name] : kLinks) {
    if (::symlinkat(to, dev.get(), name) == 0) continue;
    if (errno != EEXIST) return sys_error("link '/dev/{}'", name);
    // An image's own ptmx would belong to some other devpts; the rest may stay as the image wants it.
    if (std::string_view(name) != "ptmx") continue;
    if (::unlinkat(dev.get(), name, 0) < 0 || ::symlinkat(to, dev.get(), name) < 0)
      return sys_error("link '/dev/{}'", name);
  }
  return {};
}

Result<UniqueFd> Rootfs::open_console(UniqueFd& slave) const {
  UniqueFd ptmx = TRY(root_.open_path("/dev/ptmx", O_RDWR | O_NOCTTY));
  kernel::Pty pty = TRY(kernel::open_pty(std::move(ptmx)));
  // Without links: neither an image nor a container that shares the root may choose what is covered.
  UniqueFd dev = TRY(root_.open_without_links("/dev", O_PATH | O_DIRECTORY));
  if (::mknodat(dev.get(), "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST)
    return sys_error("make '/dev/console'");
  UniqueFd target = TRY(root_.open_without_links("/dev/console", O_PATH));
  TRY(refuse_inside_proc(target.get(), root_));
  DetachedMount console = TRY(DetachedMount::copy_of(pty.slave.get(), "", Depth::One));
  TRY_DURING(console.attach_to(target.get()), "bind '/dev/console'");
  slave = std::move(pty.slave);
  return std::move(pty.master);
}

// What is masked or made read-only below proc and sysfs is looked for in the mounts we made, not by name:
// with the name exchanged for a link just now, it would be missing and the container have it unprotected.
Result<UniqueFd> Rootfs::open_to_protect(const std::string& path) const {
  const std::string clean = kernel::clean_path(path);
  for (auto view = kernel_views_.rbegin(); view != kernel_views_.rend(); ++view)
    if (clean.starts_with(view->first + "/"))
      return view->second.open_path(clean.substr(view->first.size()), O_PATH);
  return root_.open_path(path, O_PATH);
}

Result<void> Rootfs::mask_paths() const {
  if (plan_.spec.linux_.masked_paths.empty()) return {};
  UniqueFd null_device = TRY(open_at(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW));
  struct stat st{};
  if (::fstat(null_device.get(), &st) < 0) return sys_error("look at '/dev/null'");
  if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
    return error(Code::Internal, "the host's '/dev/null' is not the null device");
  UniqueFd empty;  // one read-only tmpfs for all directories
  for (const std::string& path : plan_.spec.linux_.masked_paths) {
    auto opened = open_to_protect(path);
    if (!opened) {
      const int reason = opened.error().errno_value();
      if (reason == ENOENT || reason == ENOTDIR) continue;  // nothing there to hide
      return std::move(opened).error().during("linux.maskedPaths");
    }
    if (::fstat(opened->get(), &st) < 0) return sys_error("look at '{}'", path);
    if (!S_ISDIR(st.st_mode)) {
      DetachedMount mask = TRY(DetachedMount::copy_of(null_device.get(), "", Depth::One));
      TRY_DURING(mask.attach_to(opened->get()), "mask '{}'", path);
    } else if (!empty) {
      DetachedMount mask = TRY(DetachedMount::create(
          {.type = "tmpfs", .source = "tmpfs", .options = {"nr_inodes=2"}, .attributes = MOUNT_ATTR_RDONLY}));
      TRY_DURING(mask.attach_to(opened->get()), "mask '{}'", path);
      empty = std::move(mask).release();
    } else {
      DetachedMount mask = TRY(DetachedMount::copy_of(empty.get(), "", Depth::One));
      TRY_DURING(mask.attach_to(opened->get()), "mask '{}'", path);
    }
  }
  return {};
}

Result<void> Rootfs::make_paths_read_only() const {
  for (const std::string& path : plan_.spec.linux_.readonly_paths) {
    auto opened = open_to_protect(path);
    if (!opened) {
      const int reason = opened.error().errno_value();
      if (reason == ENOENT || reason == ENOTDIR) continue;
      return std::move(opened).error().during("linux.readonlyPaths");
    }
    DetachedMount copy = TRY(DetachedMount::copy_of(opened->get(), "", Depth::Tree));
    TRY(copy.set_attributes({.set = MOUNT_ATTR_RDONLY}, Depth::Tree));
    TRY_DURING(copy.attach_to(opened->get()), "make '{}' read-only", path);
  }
  return {};
}

Result<void> Rootfs::enter() {
  TRY(make_paths_read_only());
  TRY(mask_paths());
  for (const UniqueFd& mount : read_only_later_)
    TRY(kernel::set_mount_attributes(mount.get(), {.set = MOUNT_ATTR_RDONLY}, Depth::One));
  read_only_later_.clear();
  if (plan_.no_pivot)
    TRY(kernel::move_root_to(root_.fd()));
  else
    TRY(kernel::pivot_to(root_.fd()));
  const unsigned long propagation = propagation_flag(plan_.spec.linux_.rootfs_propagation);
  if (propagation != 0 && ::mount(nullptr, "/", nullptr, propagation, nullptr) < 0)
    return sys_error("linux.rootfsPropagation");
  if (plan_.spec.root.readonly)
    TRY_DURING(kernel::set_mount_attributes(root_.fd(), {.set = MOUNT_ATTR_RDONLY}, Depth::One),
               "root.readonly");
  return {};
}

}  // namespace gantry::runtime
