// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/mount_option.h"

#include <unistd.h>
#include <charconv>
#include <climits>
#include <cstdlib>

#include "base/printable.h"
#include "cli/docker/values.h"

namespace gantry::cli::docker {
namespace {

using container::Mount;

Result<bool> truth(std::string_view key, std::string_view value) {
  if (value.empty() || value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return error(Code::InvalidArgument, "invalid value for {}: '{}'", key, printable(value));
}

template <class T>
T& made(std::optional<T>& part) {
  return part ? *part : part.emplace();
}

Result<void> set_bind_field(Mount& mount, std::string_view key, const std::string& value) {
  container::BindOptions& options = made(mount.bind_options);
  if (key == "bind-propagation")
    options.propagation = value;
  else if (key == "bind-nonrecursive")
    options.non_recursive = TRY(truth(key, value));
  else if (key == "bind-create-src")
    options.create_mountpoint = TRY(truth(key, value));
  else if (value == "disabled")
    options.non_recursive = true;
  else if (value == "writable")
    options.read_only_non_recursive = true;
  else if (value == "readonly")
    options.read_only_force_recursive = true;
  else if (value != "enabled")
    return error(Code::InvalidArgument, "invalid value for {}: '{}'", key, printable(value));
  return {};
}

Result<void> set_volume_field(Mount& mount, std::string_view key, const std::string& value) {
  container::VolumeOptions& options = made(mount.volume_options);
  if (key == "volume-nocopy") {
    options.no_copy = TRY(truth(key, value));
  } else if (key == "volume-subpath") {
    options.subpath = value;
  } else if (key == "volume-label") {
    options.labels.insert(key_value(value));
  } else if (key == "volume-driver") {
    made(options.driver_config).name = value;
  } else {
    made(options.driver_config).options.insert(key_value(value));
  }
  return {};
}

Result<void> set_tmpfs_field(Mount& mount, std::string_view key, const std::string& value) {
  container::TmpfsOptions& options = made(mount.tmpfs_options);
  if (key == "tmpfs-size") {
    options.size_bytes = TRY(bytes_option("mount", value));
    return {};
  }
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), options.mode, 8);
  if (failed != std::errc() || end != value.data() + value.size())
    return error(Code::InvalidArgument, "invalid value for {}: '{}'", key, printable(value));
  return {};
}

Result<void> set_field(Mount& mount, const std::string& field) {
  const auto [key, value] = key_value(field);
  if (key == "type") {
    mount.type = value;
  } else if (key == "source" || key == "src") {
    mount.source = value;
  } else if (key == "target" || key == "dst" || key == "destination") {
    mount.target = value;
  } else if (key == "readonly" || key == "ro") {
    mount.read_only = TRY(truth(key, value));
  } else if (key == "consistency") {
    mount.consistency = value;
  } else if (key == "bind-propagation" || key == "bind-nonrecursive" || key == "bind-recursive" ||
             key == "bind-create-src") {
    TRY(set_bind_field(mount, key, value));
  } else if (key == "volume-nocopy" || key == "volume-subpath" || key == "volume-label" ||
             key == "volume-driver" || key == "volume-opt") {
    TRY(set_volume_field(mount, key, value));
  } else if (key == "tmpfs-size" || key == "tmpfs-mode") {
    TRY(set_tmpfs_field(mount, key, value));
  } else if (key == "image-subpath") {
    made(mount.image_options).subpath = value;
  } else {
    return error(Code::InvalidArgument, "unexpected key '{}'", printable(key));
  }
  return {};
}

Result<std::string> absolute(std::string_view path) {
  if (path == "~" || path.starts_with("~/")) {
    const char* home = std::getenv("HOME");
    if (home == nullptr) return error(Code::InvalidArgument, "'{}': HOME is not set", printable(path));
    return home + std::string(path.substr(1));
  }
  if (path != "." && path != ".." && !path.starts_with("./") && !path.starts_with("../"))
    return std::string(path);
  char directory[PATH_MAX];
  if (::getcwd(directory, sizeof directory) == nullptr) return sys_error("find the working directory");
  std::string result = directory;
  // By words alone, as the path is not followed here.
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(part.size() + 1, path.size()));
    if (part == "..")
      result.erase(std::min(result.rfind('/'), result.size()));
    else if (!part.empty() && part != ".")
      result += '/' + std::string(part);
  }
  return result.empty() ? "/" : result;
}

Result<Mount> mount_of(std::string_view text) {
  Mount mount{.type = "volume"};
  for (const std::string& field : TRY(comma_fields(text))) TRY(set_field(mount, field));
  if (mount.target.empty()) return error(Code::InvalidArgument, "target is required");
  if (mount.type == "bind") mount.source = TRY(absolute(mount.source));
  return mount;
}

}  // namespace

Result<Mount> parse_mount(std::string_view text) {
  return TRY_DURING(mount_of(text), "option '--mount {}'", printable(text, 400));
}

Result<void> add_volume(std::string_view text, std::vector<std::string>& binds, oci::StringSet& anonymous) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    anonymous.try_emplace(std::string(text));
    return {};
  }
  const std::string source = TRY_DURING(absolute(text.substr(0, colon)), "option '--volume'");
  binds.push_back(source + std::string(text.substr(colon)));
  return {};
}

}  // namespace gantry::cli::docker
