// SPDX-License-Identifier: Apache-2.0
#include "runtime/external_mounts.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>

#include "base/file.h"
#include "kernel/rooted_path.h"
#include "runtime/devices.h"
#include "runtime/mount_options.h"

namespace gantry::runtime {
namespace {

constexpr const char* kNullDevice = "/dev/null";

struct MountLine {  // of mountinfo, proc(5)
  int id = 0;
  int parent = 0;
  std::string point;
  std::string filesystem;
};

std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string_view take_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

int number_of(std::string_view word) {
  int number = 0;
  (void)std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

// id parent device root point options [tags] - filesystem source options
MountLine parse_line(std::string_view line) {
  MountLine mount;
  mount.id = number_of(take_word(line));
  mount.parent = number_of(take_word(line));
  (void)take_word(line);
  (void)take_word(line);
  mount.point = unescape(take_word(line));
  while (!line.empty() && take_word(line) != "-") {
  }
  mount.filesystem = take_word(line);
  return mount;
}

Result<std::vector<MountLine>> read_mounts(const std::string& process) {
  std::vector<MountLine> mounts;
  const std::string text = TRY(read_file(fmt::format("/proc/{}/mountinfo", process)));
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    mounts.push_back(parse_line(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return mounts;
}

// The mount whose root a path leads to, whatever links are on the way; 0 where there is none.
Result<int> mount_at(const kernel::RootDir& root, const std::string& path) {
  auto opened = root.open_path(path, O_PATH);
  if (!opened) {
    const int reason = opened.error().errno_value();
    if (reason == ENOENT || reason == ENOTDIR) return 0;
    return std::move(opened).error();
  }
  struct statx st{};
  if (::statx(opened->get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
    return sys_error("look at '{}'", path);
  return (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 ? static_cast<int>(st.stx_mnt_id) : 0;
}

bool is_bind(const oci::Mount& mount) {
  return mount.type == "bind" || parse_mount_options(mount.options).bind;
}

bool is_cgroup(const oci::Mount& mount) { return mount.type == "cgroup" || mount.type == "cgroup2"; }

// Why a mount is there: an entry of config.json, or none for a masked path.
struct Reason {
  const oci::Mount* mount = nullptr;
  std::string_view point;  // of the mount itself; others may be below it
};

using Reasons = std::map<int, Reason>;  // by mount id

Result<Reasons> find_reasons(const oci::Spec& spec, const kernel::RootDir& root) {
  Reasons reasons;
  for (const oci::Mount& mount : spec.mounts)
    reasons[TRY_DURING(mount_at(root, mount.destination), "mount '{}'", mount.destination)] = {&mount, {}};
  for (const std::string& path : spec.linux_.masked_paths) reasons[TRY(mount_at(root, path))] = {};
  return reasons;
}

// The host's path for a device that covers a file, as a mask or where no node could be made; else empty.
Result<std::string> bound_device(const kernel::RootDir& root, const MountLine& mount) {
  if (mount.filesystem == "devpts") return std::string();  // the container's own console
  auto opened = root.open_path(mount.point, O_PATH);
  struct stat st{};
  if (!opened || ::fstat(opened->get(), &st) < 0 || !S_ISCHR(st.st_mode)) return std::string();
  return st.st_rdev == makedev(1, 3) ? kNullDevice : mount.point;
}

std::string external(std::string_view name, std::string_view value) {
  return fmt::format("mnt[{}]:{}", name, value);
}

}  // namespace

Result<std::vector<std::string>> external_mounts_to_dump(const oci::Spec& spec, pid_t init) {
  const kernel::RootDir root = TRY(kernel::RootDir::open(fmt::format("/proc/{}/root", init)));
  const std::vector<MountLine> mounts = TRY(read_mounts(std::to_string(init)));
  Reasons reasons = TRY(find_reasons(spec, root));
  std::vector<std::string> externals;
  for (const MountLine& mount : mounts) {  // parents come before what is mounted on them
    if (mount.point == "/") continue;
    const auto own = reasons.find(mount.id);
    const auto above = reasons.find(mount.parent);
    if (own != reasons.end()) {
      own->second.point = mount.point;
    } else if (above != reasons.end()) {
      reasons[mount.id] = Reason(above->second);
    }
    const Reason reason = reasons[mount.id];
    if (const std::string device = TRY(bound_device(root, mount)); !device.empty()) {
      externals.push_back(external(mount.point, device));
    } else if (reason.mount != nullptr &&
               (is_bind(*reason.mount) ||
                (is_cgroup(*reason.mount) && mount.filesystem.starts_with("cgroup")))) {
      const std::string_view below = std::string_view(mount.point).substr(reason.point.size());
      externals.push_back(external(mount.point, fmt::format("{}{}", reason.mount->destination, below)));
    }
  }
  return externals;
}

Result<std::vector<std::string>> external_mounts_to_restore(const oci::Spec& spec, const std::string& bundle,
                                                            const std::vector<CgroupView>& cgroups) {
  std::vector<std::string> externals = {external(kNullDevice, kNullDevice)};
  for (const oci::Device& device : devices_of_container(spec.linux_.devices))
    if (device.path != kNullDevice) externals.push_back(external(device.path, device.path));
  const std::vector<MountLine> host = TRY(read_mounts("self"));
  for (const oci::Mount& mount : spec.mounts) {
    if (is_cgroup(mount)) {
      const bool is_unified = cgroups.size() == 1 && cgroups[0].name.empty();
      for (const CgroupView& view : cgroups)
        if (is_unified || !view.name.empty())
          externals.push_back(
              external(is_unified ? mount.destination : fmt::format("{}/{}", mount.destination, view.name),
                       view.host_path));
    }
    if (!is_bind(mount)) continue;
    const std::string given = mount.source.starts_with('/') ? mount.source : bundle + "/" + mount.source;
    UniqueFd opened = TRY_DURING(open_at(AT_FDCWD, given, O_PATH), "mount '{}'", mount.destination);
    const std::string source = TRY(kernel::path_of(opened.get()));
    externals.push_back(external(mount.destination, source));
    for (const MountLine& below : host)
      if (below.point.starts_with(source + "/"))
        externals.push_back(external(mount.destination + below.point.substr(source.size()), below.point));
  }
  return externals;
}

Result<std::vector<int>> mount_ids_of(pid_t pid) {
  std::vector<int> ids;
  for (const MountLine& mount : TRY(read_mounts(std::to_string(pid)))) ids.push_back(mount.id);
  return ids;
}

}  // namespace gantry::runtime
