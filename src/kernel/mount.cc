// SPDX-License-Identifier: Apache-2.0
#include "kernel/mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string_view>

namespace gantry::kernel {
namespace {

unsigned tree_flags(Depth depth) { return depth == Depth::Tree ? AT_RECURSIVE : 0; }

// What the kernel has to say about a failed fsconfig(2): lines "e tmpfs: Unknown parameter 'x'".
std::string kernel_words(int context) {
  std::string words;
  char line[512];
  for (ssize_t n; (n = ::read(context, line, sizeof line)) > 0;) {
    std::string_view text(line, static_cast<std::size_t>(n));
    if (text.size() > 2 && text[1] == ' ') text.remove_prefix(2);
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    if (!words.empty()) words += "; ";
    words += text;
  }
  return words;
}

Error context_error(int context, const NewFilesystem& filesystem, std::string_view option) {
  const int saved = errno;
  const std::string words = kernel_words(context);
  const std::string wish = option.empty() ? fmt::format("mount {}", filesystem.type)
                                          : fmt::format("mount {} with '{}'", filesystem.type, option);
  if (words.empty()) return sys_error_of(saved, "{}", wish);
  return sys_error_of(saved, "{}: {}", wish, words);
}

Result<void> set_option(int context, const NewFilesystem& filesystem, const std::string& option) {
  const std::size_t equals = option.find('=');
  const std::string key = option.substr(0, equals);
  const int done =
      equals == std::string::npos
          ? ::fsconfig(context, FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
          : ::fsconfig(context, FSCONFIG_SET_STRING, key.c_str(), option.c_str() + equals + 1, 0);
  if (done < 0) return context_error(context, filesystem, option);
  return {};
}

}  // namespace

Result<DetachedMount> DetachedMount::copy_of(int dir, const std::string& path, Depth depth) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | tree_flags(depth);
  UniqueFd fd(::open_tree(dir, path.c_str(), flags));
  if (!fd) return sys_error("copy mount '{}'", path);
  return DetachedMount(std::move(fd));
}

Result<DetachedMount> DetachedMount::create(const NewFilesystem& filesystem) {
  UniqueFd context(::fsopen(filesystem.type.c_str(), FSOPEN_CLOEXEC));
  if (!context) return sys_error("open file system type '{}'", filesystem.type);
  if (!filesystem.source.empty() &&
      ::fsconfig(context.get(), FSCONFIG_SET_STRING, "source", filesystem.source.c_str(), 0) < 0)
    return context_error(context.get(), filesystem, "source=" + filesystem.source);
  for (const std::string& option : filesystem.options) TRY(set_option(context.get(), filesystem, option));
  for (const auto& [key, fd] : filesystem.descriptors)
    if (::fsconfig(context.get(), FSCONFIG_SET_FD, key.c_str(), nullptr, fd) < 0)
      return context_error(context.get(), filesystem, key);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0)
    return context_error(context.get(), filesystem, "");
  UniqueFd fd(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(filesystem.attributes)));
  if (!fd) return context_error(context.get(), filesystem, "");
  return DetachedMount(std::move(fd));
}

Result<void> set_mount_attributes(int fd, const MountAttributes& attributes, Depth depth) {
  if (attributes.empty()) return {};
  mount_attr attr{
      .attr_set = attributes.set, .attr_clr = attributes.clear, .propagation = attributes.propagation};
  if (::mount_setattr(fd, "", AT_EMPTY_PATH | tree_flags(depth), &attr, sizeof attr) < 0)
    return sys_error("set mount attributes");
  return {};
}

Result<void> DetachedMount::set_attributes(const MountAttributes& attributes, Depth depth) {
  return set_mount_attributes(fd_.get(), attributes, depth);
}

Result<void> DetachedMount::set_id_map(int user_namespace, Depth depth) {
  mount_attr attr{.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = static_cast<std::uint64_t>(user_namespace)};
  if (::mount_setattr(fd_.get(), "", AT_EMPTY_PATH | tree_flags(depth), &attr, sizeof attr) < 0)
    return sys_error("map ids of mount");
  return {};
}

Result<void> DetachedMount::attach_to(int target) {
  if (::move_mount(fd_.get(), "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return sys_error("attach mount");
  return {};
}

Result<void> pivot_to(int new_root) {
  UniqueFd old_root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!old_root) return sys_error("open the old root");
  if (::fchdir(new_root) < 0) return sys_error("change to the new root");
  // With both arguments the same, the old root is stacked on top of the new one
  // and no directory for it is needed (pivot_root(2), "pivot_root(".", ".")").
  if (::syscall(SYS_pivot_root, ".", ".") < 0) return sys_error("pivot root");
  if (::fchdir(old_root.get()) < 0) return sys_error("change to the old root");
  // Unmounting must not travel back to the host.
  if (::mount(nullptr, ".", nullptr, MS_REC | MS_SLAVE, nullptr) < 0)
    return sys_error("make old root a slave");
  if (::umount2(".", MNT_DETACH) < 0) return sys_error("unmount old root");
  if (::chdir("/") < 0) return sys_error("change to the root directory");
  return {};
}

Result<void> move_root_to(int new_root) {
  if (::fchdir(new_root) < 0) return sys_error("change to the new root");
  if (::mount(".", "/", nullptr, MS_MOVE, nullptr) < 0) return sys_error("move the new root to '/'");
  if (::chroot(".") < 0) return sys_error("chroot to the new root");
  if (::chdir("/") < 0) return sys_error("change to the root directory");
  return {};
}

}  // namespace gantry::kernel
