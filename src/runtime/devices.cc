// SPDX-License-Identifier: Apache-2.0
#include "runtime/devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "kernel/mount.h"
#include "runtime/proc_guard.h"

namespace gantry::runtime {
namespace {

constexpr mode_t kDefaultMode = 0666;

mode_t file_type(const oci::Device& device) {
  switch (device.type[0]) {
    case 'b': return S_IFBLK;
    case 'p': return S_IFIFO;
    default: return S_IFCHR;  // 'c', and 'u' for an unbuffered one
  }
}

dev_t number_of(const oci::Device& device) {
  if (device.type == "p") return 0;
  return makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
}

Result<void> bind_from_host(const kernel::RootDir& root, const oci::Device& device) {
  UniqueFd host = TRY(open_at(AT_FDCWD, device.path, O_PATH));
  struct stat st{};
  if (::fstat(host.get(), &st) < 0) return sys_error("look at '{}'", device.path);
  if ((st.st_mode & S_IFMT) != file_type(device) || st.st_rdev != number_of(device))
    return error(Code::InvalidArgument, "the host's '{}' is not the device {} {}:{}", device.path,
                 device.type, device.major, device.minor);
  kernel::DetachedMount mount = TRY(kernel::DetachedMount::copy_of(host.get(), "", kernel::Depth::One));
  UniqueFd target = TRY(root.make_file(device.path, 0600));
  TRY(refuse_inside_proc(target.get(), root));
  return mount.attach_to(target.get());
}

Result<void> make_node(const kernel::RootDir& root, const oci::Device& device) {
  auto [parent, name] = TRY(root.make_parent(device.path, 0755));
  const mode_t mode = device.file_mode.value_or(kDefaultMode) & 07777;  // podman adds the bits of the type
  int made = ::mknodat(parent.get(), name.c_str(), file_type(device) | mode, number_of(device));
  if (made < 0 && errno == EEXIST) {
    // What an image brings under this name is not to be trusted to be that device.
    if (::unlinkat(parent.get(), name.c_str(), 0) < 0)
      return sys_error("remove the image's '{}'", device.path);
    made = ::mknodat(parent.get(), name.c_str(), file_type(device) | mode, number_of(device));
  }
  if (made < 0) return sys_error("make node");
  // The mode again, because mknod(2) applies the umask; 0 is what callers use who do not care.
  if (::fchmodat(parent.get(), name.c_str(), mode, 0) < 0) return sys_error("set mode");
  const uid_t uid = device.uid.value_or(0);
  const gid_t gid = device.gid.value_or(0);
  if ((uid != 0 || gid != 0) && ::fchownat(parent.get(), name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
    return sys_error("set owner");
  return {};
}

}  // namespace

std::vector<oci::Device> devices_of_container(const std::vector<oci::Device>& configured) {
  std::vector<oci::Device> devices = {
      {.type = "c", .path = "/dev/null", .major = 1, .minor = 3},
      {.type = "c", .path = "/dev/zero", .major = 1, .minor = 5},
      {.type = "c", .path = "/dev/full", .major = 1, .minor = 7},
      {.type = "c", .path = "/dev/random", .major = 1, .minor = 8},
      {.type = "c", .path = "/dev/urandom", .major = 1, .minor = 9},
      {.type = "c", .path = "/dev/tty", .major = 5, .minor = 0},
  };
  std::erase_if(devices, [&](const oci::Device& device) {
    return std::ranges::any_of(
        configured, [&](const oci::Device& other) { return kernel::clean_path(other.path) == device.path; });
  });
  devices.insert(devices.end(), configured.begin(), configured.end());
  return devices;
}

Result<void> make_device(const kernel::RootDir& root, const oci::Device& device, bool can_make) {
  if (can_make) {
    TRY_DURING(make_node(root, device), "device '{}'", device.path);
    return {};
  }
  TRY_DURING(bind_from_host(root, device), "device '{}'", device.path);
  return {};
}

}  // namespace gantry::runtime
