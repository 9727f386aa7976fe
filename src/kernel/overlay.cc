// SPDX-License-Identifier: Apache-2.0
#include "kernel/overlay.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <utility>

#include "base/file.h"
#include "kernel/file_user.h"
#include "kernel/namespaces.h"

namespace gantry::kernel {
namespace {

// What is written must be whole in the upper directory, for it becomes a layer as it is: no file that is only
// attributes (metacopy), no directory that is elsewhere (redirect_dir; and none is followed that a hostile
// image brings). An index would tie the upper directory to the inodes of layers, which may be unpacked anew.
std::vector<std::string> options_for(const Overlay& overlay) {
  std::vector<std::string> options = {"index=off", "metacopy=off", "redirect_dir=nofollow"};
  if (is_in_user_namespace()) options.push_back("userxattr");
  if (overlay.is_volatile && overlay.writable >= 0) options.push_back("volatile");
  return options;
}

Result<DetachedMount> copy_of_layer(const Overlay& overlay, int layer) {
  DetachedMount copy = TRY(DetachedMount::copy_of(layer, "", Depth::One));
  if (overlay.user_namespace >= 0) TRY(copy.set_id_map(overlay.user_namespace, Depth::One));
  return copy;
}

// overlayfs wants a layer below the writable one, and two where there is none.
bool needs_empty_layer(const Overlay& overlay) {
  return overlay.lowers.size() < (overlay.writable < 0 ? 2U : 1U);
}

Result<DetachedMount> empty_layer() {
  return DetachedMount::create({.type = "tmpfs", .source = "gantry", .options = {"size=4k", "mode=0755"}});
}

// ---- on a thread, which is changed for good and ends

template <class Body>
auto on_own_thread(Body body) -> decltype(body()) {
  decltype(body()) result = error(Code::Internal, "the thread did not run");
  std::thread([&] { result = body(); }).join();
  return result;
}

// What overlayfs does in the writable layer by itself, it does as who mounted it; seen through an id map that
// user has to exist. The owner of the layer's directories is who root is inside.
Result<void> act_as_owner(const Overlay& overlay, int writable) {
  if (overlay.user_namespace < 0) return {};
  struct stat st{};
  if (::fstatat(writable, kOverlayWork, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("look at '{}'", kOverlayWork);
  return act_on_files_as(st.st_uid, st.st_gid);
}

// ---- descriptors

Result<DetachedMount> mount_by_descriptors(const Overlay& overlay, std::vector<std::string> options) {
  std::vector<DetachedMount> copies;  // have to live until the mount exists
  auto shown = [&](int layer) -> Result<int> {
    if (overlay.user_namespace < 0) return layer;
    return copies.emplace_back(TRY(copy_of_layer(overlay, layer))).fd();
  };
  NewFilesystem filesystem{.type = "overlay", .source = "overlay", .options = std::move(options)};
  for (const int lower : overlay.lowers) filesystem.descriptors.emplace_back("lowerdir+", TRY(shown(lower)));
  if (needs_empty_layer(overlay))
    filesystem.descriptors.emplace_back("lowerdir+", copies.emplace_back(TRY(empty_layer())).fd());
  UniqueFd upper, work;
  if (overlay.writable >= 0) {
    const int writable = TRY(shown(overlay.writable));
    upper = TRY(open_at(writable, kOverlayUpper, O_PATH | O_DIRECTORY));
    work = TRY(open_at(writable, kOverlayWork, O_PATH | O_DIRECTORY));
    filesystem.descriptors.emplace_back("upperdir", upper.get());
    filesystem.descriptors.emplace_back("workdir", work.get());
  }
  if (overlay.writable < 0 || overlay.user_namespace < 0) return DetachedMount::create(filesystem);
  return on_own_thread([&]() -> Result<DetachedMount> {
    TRY(act_as_owner(overlay, copies.back().fd()));
    return DetachedMount::create(filesystem);
  });
}

// ---- private mounts

// Runs `body` on a thread that has a mount namespace of its own, which goes away with the thread (and with
// the processes that it starts).
template <class Body>
auto in_private_mounts(Body body) -> decltype(body()) {
  return on_own_thread([&]() -> decltype(body()) {
    TRY_DURING(unshare_namespaces(CLONE_NEWNS), "make a mount namespace to stack layers in");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
      return sys_error("make mounts private");
    return body();
  });
}

// The layers under short names in the working directory: "0", "1", ... and "w".
struct Stage {
  DetachedMount directory;
  std::string options;  // lowerdir=...,upperdir=...,workdir=...
};

Result<void> attach_in(const Stage& stage, const std::string& name, DetachedMount layer) {
  if (::mkdirat(stage.directory.fd(), name.c_str(), 0700) < 0)
    return sys_error("make directory '{}' to stack layers in", name);
  UniqueFd target = TRY(open_at(stage.directory.fd(), name, O_PATH | O_DIRECTORY));
  return layer.attach_to(target.get());
}

// Only in a mount namespace of one's own. `copies` are those of the lowers, and of the writable directory if
// there is one: they were made outside, since the descriptors' own mounts are not of this namespace.
Result<Stage> stage_layers(const Overlay& overlay, std::vector<DetachedMount> copies) {
  Stage stage{.directory = TRY(DetachedMount::create(
                  {.type = "tmpfs", .source = "gantry", .options = {"size=1m", "mode=0700"}}))};
  // Anywhere that has a name and that neither mount(2) nor fuse-overlayfs looks at.
  UniqueFd place = TRY(open_at(AT_FDCWD, "/sys", O_PATH | O_DIRECTORY));
  TRY(stage.directory.attach_to(place.get()));
  if (::fchdir(stage.directory.fd()) < 0) return sys_error("change to the directory to stack layers in");
  std::string lowers;  // ":0:1:2"
  for (std::size_t i = 0; i < overlay.lowers.size(); ++i) {
    const std::string name = std::to_string(i);
    TRY(attach_in(stage, name, std::move(copies[i])));
    lowers += ":" + name;
  }
  if (needs_empty_layer(overlay)) {
    TRY(attach_in(stage, "empty", TRY(empty_layer())));
    lowers += ":empty";
  }
  stage.options = "lowerdir=" + lowers.substr(1);
  if (overlay.writable >= 0) {
    TRY(attach_in(stage, "w", std::move(copies.back())));
    stage.options += fmt::format(",upperdir=w/{},workdir=w/{}", kOverlayUpper, kOverlayWork);
  }
  return stage;
}

Result<std::vector<DetachedMount>> copies_of_layers(const Overlay& overlay) {
  std::vector<DetachedMount> copies;
  for (const int lower : overlay.lowers) copies.push_back(TRY(copy_of_layer(overlay, lower)));
  if (overlay.writable >= 0) copies.push_back(TRY(copy_of_layer(overlay, overlay.writable)));
  return copies;
}

Result<DetachedMount> mount_in_private_mounts(const Overlay& overlay,
                                              const std::vector<std::string>& options) {
  std::vector<DetachedMount> copies = TRY(copies_of_layers(overlay));
  return in_private_mounts([&]() -> Result<DetachedMount> {
    Stage stage = TRY(stage_layers(overlay, std::move(copies)));
    for (const std::string& option : options) stage.options += "," + option;
    if (::mkdirat(stage.directory.fd(), "root", 0700) < 0) return sys_error("make the overlay's mount point");
    if (overlay.writable >= 0) {
      UniqueFd writable = TRY(open_at(stage.directory.fd(), "w", O_PATH | O_DIRECTORY));
      TRY(act_as_owner(overlay, writable.get()));
    }
    if (::mount("overlay", "root", "overlay", 0, stage.options.c_str()) < 0)
      return sys_error("mount overlay with '{}'", stage.options);
    auto mount = DetachedMount::copy_of(stage.directory.fd(), "root", Depth::One);
    // The namespace goes a moment after the thread; until then this would count as a use of the writable
    // layer.
    (void)::umount2("root", MNT_DETACH);
    return mount;
  });
}

// ---- fuse-overlayfs

// What the program printed, on one line, for an error message.
std::string words_of(int output) {
  auto text = read_all(output, "output of fuse-overlayfs", 64 << 10);
  if (!text) return "";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  for (char& c : *text)
    if (c == '\n') c = ' ';
  return std::move(*text);
}

// Starts it with `fuse` as descriptor 3, which is what "/dev/fd/3" for a mount point means to libfuse 3, and
// `in_use` as 4. It leaves for the background when it serves.
Result<void> run_fuse_overlayfs(const std::string& options, int fuse, int in_use) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return sys_error("make pipe");
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  // Out of the way of the numbers that they get there.
  UniqueFd fuse_copy(::fcntl(fuse, F_DUPFD_CLOEXEC, 10)),
      output(::fcntl(write_end.get(), F_DUPFD_CLOEXEC, 10));
  UniqueFd lock(::fcntl(in_use, F_DUPFD_CLOEXEC, 10));
  if (!fuse_copy || !output || !lock) return sys_error("copy descriptor");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output.get(), 1);
  ::posix_spawn_file_actions_adddup2(&actions, output.get(), 2);
  ::posix_spawn_file_actions_adddup2(&actions, fuse_copy.get(), 3);
  ::posix_spawn_file_actions_adddup2(&actions, lock.get(), 4);
  const char* arguments[] = {"fuse-overlayfs", "-o", options.c_str(), "/dev/fd/3", nullptr};
  pid_t child = 0;
  const int failed =
      ::posix_spawnp(&child, arguments[0], &actions, nullptr, const_cast<char* const*>(arguments), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return sys_error_of(failed, "run 'fuse-overlayfs' (package fuse-overlayfs)");
  write_end.reset();
  output.reset();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return sys_error("wait for 'fuse-overlayfs'");
  if (status != 0)
    return error(Code::Unavailable, "'fuse-overlayfs' ended with wait status {}: {}", status,
                 words_of(read_end.get()));
  return {};
}

Result<DetachedMount> mount_by_fuse(const Overlay& overlay) {
  if (overlay.writable >= 0 && overlay.user_namespace >= 0)
    return error(Code::Unsupported, "fuse-overlayfs cannot write through an id map");
  std::vector<DetachedMount> copies = TRY(copies_of_layers(overlay));
  // Locked as long as the process lives, for is_overlay_writing_to().
  UniqueFd in_use =
      TRY(open_at(overlay.writable >= 0 ? overlay.writable : overlay.lowers[0], ".", O_RDONLY | O_DIRECTORY));
  if (overlay.writable >= 0 && ::flock(in_use.get(), LOCK_SH | LOCK_NB) < 0)
    return sys_error("lock the writable layer");
  UniqueFd fuse = TRY(open_at(AT_FDCWD, "/dev/fuse", O_RDWR));
  DetachedMount mount = TRY(DetachedMount::create(
      {.type = "fuse.fuse-overlayfs",
       .source = "fuse-overlayfs",
       .options = {fmt::format("fd={}", fuse.get()), "rootmode=40000", fmt::format("user_id={}", ::geteuid()),
                   fmt::format("group_id={}", ::getegid()), "default_permissions", "allow_other"},
       .attributes = overlay.writable < 0 ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0}));
  TRY(in_private_mounts([&]() -> Result<void> {
    const Stage stage = TRY(stage_layers(overlay, std::move(copies)));
    return run_fuse_overlayfs(stage.options, fuse.get(), in_use.get());
  }));
  return mount;
}

// Made by the kernel below a work directory that was mounted volatile.
constexpr const char* kVolatileMark = "work/work/incompat";

// ---- which

struct NativeMount {
  DetachedMount mount;
  OverlayMethod method;
};

// Kernels that do not know layers by descriptor say EOPNOTSUPP (overlayfs had no parameters of its own
// before 6.5), EINVAL or EBADF, and those that take no detached mounts as layers EINVAL.
Result<NativeMount> mount_native(const Overlay& overlay, const std::vector<std::string>& options) {
  auto mount = mount_by_descriptors(overlay, options);
  if (mount) return NativeMount{std::move(*mount), OverlayMethod::Descriptors};
  const int why = mount.error().errno_value();
  if (why != EOPNOTSUPP && why != EINVAL && why != EBADF) return std::move(mount).error();
  return NativeMount{TRY(mount_in_private_mounts(overlay, options)), OverlayMethod::PrivateMounts};
}

// No overlayfs here, not for this user, or not on this file system.
bool is_refused(const Error& error) {
  switch (error.errno_value()) {
    case EPERM:
    case EACCES:
    case ENODEV:
    case EINVAL:
    case EOPNOTSUPP:
    case ENOSYS: return true;
    default: return false;
  }
}

}  // namespace

Result<OverlayMount> mount_overlay(const Overlay& overlay, OverlayMethod method) {
  if (overlay.lowers.empty() && overlay.writable < 0)
    return error(Code::InvalidArgument, "mount overlay: there is no layer");
  if (overlay.lowers.size() > kMaxOverlayLowers)
    return error(Code::InvalidArgument, "mount overlay: {} layers, but there can be {} at most",
                 overlay.lowers.size(), kMaxOverlayLowers);
  const std::vector<std::string> options = options_for(overlay);
  switch (method) {
    case OverlayMethod::Descriptors:
      return OverlayMount{TRY(mount_by_descriptors(overlay, options)), method, ""};
    case OverlayMethod::PrivateMounts:
      return OverlayMount{TRY(mount_in_private_mounts(overlay, options)), method, ""};
    case OverlayMethod::Fuse: return OverlayMount{TRY(mount_by_fuse(overlay)), method, ""};
    case OverlayMethod::Automatic: break;
  }
  auto native = mount_native(overlay, options);
  if (native) return OverlayMount{std::move(native->mount), native->method, ""};
  if (!is_refused(native.error())) return std::move(native).error();
  auto fuse = mount_by_fuse(overlay);
  if (fuse) return OverlayMount{std::move(*fuse), OverlayMethod::Fuse, native.error().message()};
  return std::move(native).error().during(
      fmt::format("mount by fuse-overlayfs failed too ({})", fuse.error().message()));
}

void trust_volatile(int writable) {
  (void)remove_tree_at(writable, kVolatileMark);  // there may be none
}

Result<bool> is_overlay_writing_to(int writable) {
  UniqueFd lock = TRY(open_at(writable, ".", O_RDONLY | O_DIRECTORY));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK) return true;  // fuse-overlayfs holds it, see mount_by_fuse()
    return sys_error("lock the writable layer");
  }
  // The probe is volatile, for unmounting any other makes the kernel write back its whole file system. What
  // an earlier volatile mount noted would be in its way; only later mounts look at that, and there are none.
  trust_volatile(writable);
  // With "index=on" the kernel refuses what it otherwise only warns of: an upper directory that is in use.
  const Overlay probe{.writable = writable, .is_volatile = true};
  std::vector<std::string> options = options_for(probe);
  options[0] = "index=on";
  auto mount = mount_native(probe, options);
  trust_volatile(writable);
  if (mount) return false;
  if (mount.error().errno_value() == EBUSY) return true;
  // In use it is not: the kernel looks at that first. Stale is what it noted when it was asked before.
  if (is_refused(mount.error()) || mount.error().errno_value() == ESTALE) return false;
  return std::move(mount).error();
}

}  // namespace gantry::kernel
