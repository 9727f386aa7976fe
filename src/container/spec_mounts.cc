// SPDX-License-Identifier: Apache-2.0
#include "container/spec_mounts.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "kernel/rooted_path.h"

namespace gantry::container {
namespace {

using Mounts = std::vector<oci::Mount>;
using Options = std::vector<std::string>;

oci::Mount make_mount(std::string destination, std::string type, std::string source, Options options) {
  return {.destination = std::move(destination),
          .type = std::move(type),
          .source = std::move(source),
          .options = std::move(options)};
}

oci::Mount bind_mount(std::string destination, std::string source, bool read_only) {
  oci::Mount mount = make_mount(std::move(destination), "bind", std::move(source), {"rbind", "rprivate"});
  if (read_only) mount.options.emplace_back("ro");
  return mount;
}

// ---- what every container has

Result<std::optional<oci::Mount>> shm_mount(const SpecInputs& inputs) {
  const std::string& mode = inputs.host_config.ipc_mode;
  if (mode == "none") return std::optional<oci::Mount>();
  if (mode == "host") return std::optional(bind_mount("/dev/shm", "/dev/shm", false));
  if (!inputs.shm.empty()) return std::optional(bind_mount("/dev/shm", inputs.shm, false));
  if (mode.starts_with("container:"))
    return error(Code::InvalidArgument, "HostConfig.IpcMode: '{}' has no /dev/shm to share", mode);
  const std::int64_t size =
      inputs.host_config.shm_size > 0 ? inputs.host_config.shm_size : inputs.defaults.shm_size;
  return std::optional(make_mount("/dev/shm", "tmpfs", "shm",
                                  {"nosuid", "noexec", "nodev", "mode=1777", fmt::format("size={}", size)}));
}

Result<Mounts> usual_mounts(const SpecInputs& inputs, const MountChoices& choices) {
  const bool is_privileged = inputs.host_config.privileged;
  const Options guarded = {"nosuid", "noexec", "nodev"};
  const auto unless_writable = [&](bool is_writable) {
    Options options = guarded;
    if (!is_writable) options.emplace_back("ro");
    return options;
  };
  Mounts mounts;
  mounts.push_back(make_mount("/proc", "proc", "proc", guarded));
  mounts.push_back(
      make_mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
  mounts.push_back(make_mount("/dev/pts", "devpts", "devpts",
                              {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
  mounts.push_back(make_mount("/sys", "sysfs", "sysfs", unless_writable(is_privileged)));
  mounts.push_back(make_mount("/sys/fs/cgroup", "cgroup", "cgroup",
                              unless_writable(is_privileged || choices.has_writable_cgroups)));
  mounts.push_back(make_mount("/dev/mqueue", "mqueue", "mqueue", guarded));
  if (auto shm = TRY(shm_mount(inputs))) mounts.push_back(std::move(*shm));
  return mounts;
}

// ---- what was asked for

Result<Mounts> wanted_mounts(const SpecInputs& inputs) {
  Mounts mounts = inputs.mounts;
  for (const auto& [target, options] : inputs.host_config.tmpfs)
    mounts.push_back(
        make_mount(target, "tmpfs", "tmpfs",
                   TRY_DURING(tmpfs_options(options), "HostConfig.Tmpfs['{}']", printable(target))));
  for (oci::Mount& mount : mounts) {
    if (!mount.destination.starts_with('/'))
      return error(Code::InvalidArgument, "invalid mount config: mount path '{}' must be absolute",
                   printable(mount.destination));
    mount.destination = kernel::clean_path(mount.destination);
    if (mount.destination == "/")
      return error(Code::InvalidArgument, "invalid mount config: destination can't be '/'");
  }
  // Parents before what is in them.
  std::ranges::sort(mounts, {}, [](const oci::Mount& mount) {
    return std::pair(std::ranges::count(mount.destination, '/'), std::string_view(mount.destination));
  });
  for (const oci::Mount& mount : mounts)
    if (std::ranges::count(mounts, mount.destination, &oci::Mount::destination) > 1)
      return error(Code::InvalidArgument, "Duplicate mount point: {}", printable(mount.destination, 200));
  return mounts;
}

bool has_target(const Mounts& mounts, std::string_view target) {
  return std::ranges::find(mounts, target, &oci::Mount::destination) != mounts.end();
}

// A mount of one's own takes the place of the usual one; with a /dev of one's own nothing goes into it.
void remove_replaced(Mounts& usual, const Mounts& wanted) {
  const bool has_own_dev = has_target(wanted, "/dev");
  std::erase_if(usual, [&](const oci::Mount& mount) {
    return has_target(wanted, mount.destination) || (has_own_dev && mount.destination.starts_with("/dev/"));
  });
}

// ---- files that the engine writes

Mounts engine_files(const SpecInputs& inputs, const Mounts& wanted) {
  struct File {
    const char* target;
    const std::string& source;
  };
  const File files[] = {{"/etc/resolv.conf", inputs.resolv_conf},
                        {"/etc/hostname", inputs.hostname_file},
                        {"/etc/hosts", inputs.hosts}};
  Mounts mounts;
  for (const File& file : files) {
    if (file.source.empty() || has_target(wanted, file.target)) continue;
    mounts.push_back(bind_mount(file.target, file.source, inputs.host_config.readonly_rootfs));
    // They are the container's root's to write, whoever that is on the host.
    if (!inputs.joined.user.empty()) mounts.back().options.emplace_back("idmap");
  }
  return mounts;
}

// ---- propagation

bool has_word(const Mounts& mounts, std::string_view word) {
  return std::ranges::any_of(mounts, [&](const oci::Mount& mount) {
    return std::ranges::find(mount.options, word) != mount.options.end();
  });
}

// A mount can only receive from the host, or send to it, if the container's root does.
std::string root_propagation(const Mounts& mounts) {
  if (has_word(mounts, "rshared") || has_word(mounts, "shared")) return "shared";
  if (has_word(mounts, "rslave") || has_word(mounts, "slave")) return "rslave";
  return "";
}

// ---- options of a tmpfs

constexpr std::array<std::array<std::string_view, 2>, 9> kFlags = {{{"ro", "rw"},
                                                                    {"noexec", "exec"},
                                                                    {"nosuid", "suid"},
                                                                    {"nodev", "dev"},
                                                                    {"sync", "async"},
                                                                    {"noatime", "atime"},
                                                                    {"nodiratime", "diratime"},
                                                                    {"relatime", "norelatime"},
                                                                    {"strictatime", "nostrictatime"}}};
constexpr std::array<std::string_view, 7> kValues = {"size",      "mode",      "uid", "gid",
                                                     "nr_inodes", "nr_blocks", "mpol"};

// What a later option takes the place of: the same flag, its opposite, the same key. Empty: no option.
std::vector<std::string_view> replaced_by(std::string_view option) {
  for (const auto& pair : kFlags)
    if (std::ranges::find(pair, option) != pair.end()) return {pair[0], pair[1]};
  const std::string_view key = option.substr(0, option.find('='));
  if (key.size() < option.size() && std::ranges::find(kValues, key) != kValues.end()) return {key};
  return {};
}

}  // namespace

Result<std::vector<std::string>> tmpfs_options(std::string_view options) {
  Options merged = {"noexec", "nosuid", "nodev"};
  while (!options.empty()) {
    const std::size_t comma = options.find(',');
    const std::string_view option = options.substr(0, comma);
    options.remove_prefix(comma == options.npos ? options.size() : comma + 1);
    if (option.empty()) continue;
    const auto replaced = replaced_by(option);
    if (replaced.empty())
      return error(Code::InvalidArgument, "invalid tmpfs option \"{}\"", printable(option));
    std::erase_if(merged, [&](const std::string& one) {
      const std::string_view key = std::string_view(one).substr(0, one.find('='));
      return std::ranges::find(replaced, key) != replaced.end();
    });
    merged.emplace_back(option);
  }
  return merged;
}

Result<void> add_mounts(oci::Spec& spec, const SpecInputs& inputs, const MountChoices& choices) {
  const Mounts wanted = TRY(wanted_mounts(inputs));
  Mounts mounts = TRY(usual_mounts(inputs, choices));
  remove_replaced(mounts, wanted);
  const auto append = [&](Mounts more) {
    mounts.insert(mounts.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  append(wanted);
  append(engine_files(inputs, wanted));
  if (choices.has_init) {
    if (inputs.init_program.empty())
      return error(Code::Unsupported, "HostConfig.Init: there is no init program");
    mounts.push_back(bind_mount(std::string(kInitTarget), inputs.init_program, true));
  }
  spec.linux_.rootfs_propagation = root_propagation(wanted);
  spec.mounts = std::move(mounts);
  return {};
}

}  // namespace gantry::container
