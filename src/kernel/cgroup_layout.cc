// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroup_layout.h"

#include <algorithm>
#include <charconv>

#include "base/file.h"

namespace gantry::kernel {
namespace {

struct ControllerName {
  std::string_view v1;
  std::string_view v2;  // empty: not a controller of v2
};

// In the order of the enumeration.
constexpr ControllerName kControllers[] = {
    {"cpu", "cpu"},         {"cpuacct", ""},  {"cpuset", "cpuset"}, {"memory", "memory"},
    {"devices", ""},        {"freezer", ""},  {"blkio", "io"},      {"pids", "pids"},
    {"hugetlb", "hugetlb"}, {"net_cls", ""},  {"net_prio", ""},     {"perf_event", "perf_event"},
    {"rdma", "rdma"},       {"misc", "misc"},
};

// Cuts the text up to `separator` (or all of it) off the front of `text`.
std::string_view next_word(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty())
    if (next_word(list, ',') == word) return true;
  return false;
}

// Whether a mount with these options shows the hierarchy that /proc/self/cgroup calls `key`.
bool is_mount_of(std::string_view key, std::string_view super_options) {
  while (!key.empty())
    if (has_word(super_options, next_word(key, ','))) return true;
  return false;
}

// proc(5): space, tab, newline and backslash are written as three octal digits.
std::string unescape(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8).ptr == text.data() + i + 4 &&
        code < 256) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

struct MountLine {
  std::string_view id, parent, root, mount_point, type, super_options;
};

// "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw"
std::optional<MountLine> parse_mount(std::string_view line) {
  MountLine mount;
  mount.id = next_word(line, ' ');
  mount.parent = next_word(line, ' ');
  (void)next_word(line, ' ');  // device
  mount.root = next_word(line, ' ');
  mount.mount_point = next_word(line, ' ');
  // A variable number of optional fields ends with a lone dash.
  const std::size_t dash = line.find(" - ");
  if (dash == std::string_view::npos) return std::nullopt;
  line.remove_prefix(dash + 3);
  mount.type = next_word(line, ' ');
  (void)next_word(line, ' ');  // source
  mount.super_options = line;
  return mount;
}

// Whether walking to the mount `below` ends in `above` before it gets there. That is all that people do to
// hide a hierarchy: mount something on it, or on the directory that holds them all.
bool hides(const MountLine& above, const MountLine& below) {
  if (above.parent == below.id) return above.mount_point == below.mount_point;
  return above.parent == below.parent && above.mount_point.size() < below.mount_point.size() &&
         below.mount_point.starts_with(above.mount_point) &&
         below.mount_point[above.mount_point.size()] == '/';
}

// The group `path` as seen below a mount that shows `root` at its top.
std::optional<std::string> below_mount(std::string_view path, std::string_view root) {
  // Outside the reader's cgroup namespace, or removed while the process is still in it.
  if (path.starts_with("/..") || path.ends_with(" (deleted)")) return std::nullopt;
  if (root == "/") return std::string(path == "/" ? "" : path);
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  return std::string(path);
}

}  // namespace

std::string_view name_of(Controller controller, CgroupVersion version) {
  const ControllerName& name = kControllers[static_cast<unsigned>(controller)];
  return version == CgroupVersion::V1 || name.v2.empty() ? name.v1 : name.v2;
}

ControllerSet ControllerSet::parse(std::string_view words, std::string_view separators,
                                   CgroupVersion version) {
  ControllerSet set;
  while (!words.empty()) {
    const std::size_t end = words.find_first_of(separators);
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
    for (unsigned i = 0; i < kCount; ++i)
      if (!word.empty() && word == (version == CgroupVersion::V1 ? kControllers[i].v1 : kControllers[i].v2))
        set.add(static_cast<Controller>(i));
  }
  return set;
}

std::string ControllerSet::text(CgroupVersion version, std::string_view prefix) const {
  std::string text;
  for (unsigned i = 0; i < kCount; ++i) {
    const auto controller = static_cast<Controller>(i);
    if (!contains(controller)) continue;
    if (!text.empty()) text += ' ';
    text.append(prefix).append(name_of(controller, version));
  }
  return text;
}

ControllerSet Hierarchy::controllers() const { return ControllerSet::parse(key, ",", CgroupVersion::V1); }

Result<CgroupLayout> CgroupLayout::read(const std::string& root) {
  const std::string mountinfo = TRY(read_file(root + "/proc/self/mountinfo"));
  const std::string self_cgroup = TRY(read_file(root + "/proc/self/cgroup"));
  return parse(mountinfo, self_cgroup, root);
}

CgroupLayout CgroupLayout::parse(std::string_view mountinfo, std::string_view self_cgroup,
                                 const std::string& root) {
  std::vector<MountLine> mounts;      // of type cgroup or cgroup2
  std::vector<MountLine> in_the_way;  // what may hide one of them
  while (!mountinfo.empty()) {
    const std::optional<MountLine> mount = parse_mount(next_word(mountinfo, '\n'));
    if (!mount) continue;
    const bool is_cgroup = mount->type == "cgroup" || mount->type == "cgroup2";
    if (is_cgroup) mounts.push_back(*mount);
    if (is_cgroup || mount->mount_point.starts_with("/sys/fs/cgroup")) in_the_way.push_back(*mount);
  }
  std::erase_if(mounts, [&](const MountLine& mount) {
    return std::any_of(in_the_way.begin(), in_the_way.end(),
                       [&](const MountLine& other) { return hides(other, mount); });
  });

  CgroupLayout layout;
  std::optional<Hierarchy> unified;
  while (!self_cgroup.empty()) {
    // "4:memory:/user.slice"; v2 is always "0::/user.slice".
    std::string_view line = next_word(self_cgroup, '\n');
    const std::string_view id = next_word(line, ':');
    const std::string_view key = next_word(line, ':');
    const std::string_view path = line;
    if (!path.starts_with('/')) continue;
    const bool is_v2 = id == "0" && key.empty();

    // Of several mounts of one hierarchy, the first that shows where this process is; else the first.
    std::optional<Hierarchy> found;
    for (const MountLine& mount : mounts) {
      if (is_v2 ? mount.type != "cgroup2" : mount.type != "cgroup" || !is_mount_of(key, mount.super_options))
        continue;
      std::optional<std::string> own = below_mount(path, unescape(mount.root));
      if (found && !own) continue;
      const bool is_best = own.has_value();
      found = Hierarchy{std::string(key), root + unescape(mount.mount_point), std::move(own)};
      if (is_best) break;
    }
    if (!found) continue;
    if (is_v2)
      unified = std::move(found);
    else
      layout.hierarchies.push_back(std::move(*found));
  }
  if (unified) layout.hierarchies.push_back(std::move(*unified));
  return layout;
}

CgroupMode CgroupLayout::mode() const {
  if (hierarchies.empty()) return CgroupMode::None;
  if (v2() == nullptr) return CgroupMode::V1;
  return hierarchies.size() == 1 ? CgroupMode::V2 : CgroupMode::Mixed;
}

const Hierarchy* CgroupLayout::v2() const {
  const bool is_there = !hierarchies.empty() && hierarchies.back().version() == CgroupVersion::V2;
  return is_there ? &hierarchies.back() : nullptr;
}

const Hierarchy* CgroupLayout::v1_with(Controller controller) const {
  for (const Hierarchy& hierarchy : hierarchies)
    if (hierarchy.controllers().contains(controller)) return &hierarchy;
  return nullptr;
}

ControllerSet CgroupLayout::v1_controllers() const {
  ControllerSet set;
  for (const Hierarchy& hierarchy : hierarchies) set = set | hierarchy.controllers();
  return set;
}

}  // namespace gantry::kernel
