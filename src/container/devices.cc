// SPDX-License-Identifier: Apache-2.0
#include "container/devices.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/file.h"
#include "base/printable.h"
#include "kernel/rooted_path.h"

namespace gantry::container {
namespace {

constexpr unsigned kDeepest = 16;  // directories below a mapping or /dev

// What of the host's /dev is no device of the machine, or is the container's own.
constexpr std::array<std::string_view, 9> kNotPassedOn = {"pts",   "shm",    "fd",   "mqueue",     ".lxc",
                                                          ".udev", "stdout", "core", ".lxd-mounts"};

bool is_device(const struct stat& st) { return S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode); }

oci::Device node_of(const struct stat& st, std::string path) {
  return {.type = S_ISBLK(st.st_mode) ? "b" : "c",
          .path = std::move(path),
          .major = major(st.st_rdev),
          .minor = minor(st.st_rdev),
          .file_mode = st.st_mode & 07777,
          .uid = st.st_uid,
          .gid = st.st_gid};
}

// Devices below a directory; links are passed over, they lead to other names of the same.
Result<void> collect(int dir, const std::string& name, const std::string& path, unsigned depth,
                     std::vector<oci::Device>& found) {
  const UniqueFd opened = TRY(open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  std::vector<std::string> names = TRY(names_in(opened.get(), "."));
  std::ranges::sort(names);
  for (const std::string& child : names) {
    struct stat st{};
    // One that has just gone is none.
    if (::fstatat(opened.get(), child.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
    const std::string child_path = path + "/" + child;
    if (is_device(st)) found.push_back(node_of(st, child_path));
    if (S_ISDIR(st.st_mode) && depth < kDeepest)
      TRY(collect(opened.get(), child, child_path, depth + 1, found));
  }
  return {};
}

Result<std::vector<oci::Device>> every_device(const std::string& host_root) {
  const UniqueFd dev = TRY(open_at(AT_FDCWD, host_root + "/dev", O_RDONLY | O_DIRECTORY));
  std::vector<std::string> names = TRY(names_in(dev.get(), "."));
  std::ranges::sort(names);
  std::vector<oci::Device> found;
  for (const std::string& name : names) {
    if (std::ranges::find(kNotPassedOn, name) != kNotPassedOn.end()) continue;
    struct stat st{};
    if (::fstatat(dev.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
    // The container's own terminal stands there.
    if (is_device(st) && name != "console") found.push_back(node_of(st, "/dev/" + name));
    if (S_ISDIR(st.st_mode)) TRY(collect(dev.get(), name, "/dev/" + name, 1, found));
  }
  return found;
}

// ---- one mapping

Result<std::string> parse_access(const std::string& text) {
  const std::string access = text.empty() ? "rwm" : text;
  if (access.size() > 3 || access.find_first_not_of("rwm") != access.npos)
    return error(Code::InvalidArgument, "invalid device mode: {}", printable(text));
  return access;
}

// Not "not found", which would be taken for the container.
Error refusal_of(int errno_value) {
  if (errno_value == ENOENT) return error(Code::InvalidArgument, "no such file or directory");
  return sys_error_of(errno_value, "look at it").with_code(Code::InvalidArgument);
}

Result<std::vector<oci::Device>> devices_of(const DeviceMapping& mapping, const std::string& host_root) {
  const std::string& target =
      mapping.path_in_container.empty() ? mapping.path_on_host : mapping.path_in_container;
  if (!mapping.path_on_host.starts_with('/') || !target.starts_with('/'))
    return error(Code::InvalidArgument, "is not an absolute path");
  const std::string source = host_root + mapping.path_on_host;
  struct stat st{};
  if (::stat(source.c_str(), &st) < 0) return refusal_of(errno);
  if (is_device(st)) return std::vector{node_of(st, kernel::clean_path(target))};
  if (!S_ISDIR(st.st_mode)) return error(Code::InvalidArgument, "is no device node");
  std::vector<oci::Device> found;
  const UniqueFd opened = TRY(open_at(AT_FDCWD, source, O_PATH | O_DIRECTORY));
  TRY(collect(opened.get(), ".", kernel::clean_path(target), 0, found));
  if (found.empty()) return error(Code::InvalidArgument, "has no devices");
  return found;
}

oci::DeviceRule rule_of(const oci::Device& device, const std::string& access) {
  return {.allow = true, .type = device.type, .major = device.major, .minor = device.minor, .access = access};
}

// ---- rules

// "*" or a number, at the front of `text`.
std::optional<std::optional<std::int64_t>> take_number(std::string_view& text) {
  if (text.starts_with('*')) {
    text.remove_prefix(1);
    return std::optional<std::int64_t>();
  }
  std::uint32_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return std::optional<std::int64_t>(number);
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Result<oci::DeviceRule> parse_device_rule(std::string_view text) {
  const auto refused = [whole = text] {
    return error(Code::InvalidArgument, "invalid device cgroup rule format: '{}'", printable(whole));
  };
  if (text.empty() || std::string_view("abc").find(text[0]) == std::string_view::npos) return refused();
  oci::DeviceRule rule{.allow = true, .type = std::string(1, text[0])};
  text.remove_prefix(1);
  if (!take(text, ' ')) return refused();
  const auto major_number = take_number(text);
  if (!major_number || !take(text, ':')) return refused();
  const auto minor_number = take_number(text);
  if (!minor_number || !take(text, ' ')) return refused();
  if (text.empty() || text.size() > 3 || text.find_first_not_of("rwm") != text.npos) return refused();
  rule.major = *major_number;
  rule.minor = *minor_number;
  rule.access = text;
  return rule;
}

Result<GrantedDevices> grant_devices(const HostConfig& host, const std::string& host_root) {
  GrantedDevices granted;
  if (host.privileged) {
    granted.nodes = TRY_DURING(every_device(host_root), "list the host's devices");
    granted.rules = {{.allow = true, .access = "rwm"}};
  } else {
    granted.rules = {{.allow = false, .access = "rwm"}};
  }
  for (const DeviceMapping& mapping : host.devices) {
    const std::string access = TRY(parse_access(mapping.cgroup_permissions));
    const std::vector<oci::Device> devices =
        TRY_DURING(devices_of(mapping, host_root),
                   "error gathering device information while adding custom device \"{}\"",
                   printable(mapping.path_on_host, 200));
    for (const oci::Device& device : devices) {
      std::erase_if(granted.nodes, [&](const oci::Device& other) { return other.path == device.path; });
      granted.nodes.push_back(device);
      granted.rules.push_back(rule_of(device, access));
    }
  }
  for (const std::string& rule : host.device_cgroup_rules)
    granted.rules.push_back(TRY(parse_device_rule(rule)));
  return granted;
}

Result<DeviceNumber> block_device_number(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) < 0) return refusal_of(errno).during("'" + printable(path, 200) + "'");
  if (!S_ISBLK(st.st_mode))
    return error(Code::InvalidArgument, "'{}' is not a block device", printable(path, 200));
  return DeviceNumber{.major = major(st.st_rdev), .minor = minor(st.st_rdev)};
}

}  // namespace gantry::container
