// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "base/json_codec.h"
#include "kernel/mount.h"
#include "kernel/namespaces.h"
#include "kernel/rooted_path.h"
#include "runtime/checkpoint.h"
#include "runtime/container_cgroup.h"
#include "runtime/criu_options.h"
#include "runtime/external_mounts.h"
#include "runtime/lifecycle.h"
#include "runtime/mount_options.h"
#include "runtime/new_container.h"

namespace gantry::runtime {
namespace {

// What a checkpoint has ended may be restored under its old name without being deleted first, as with runc,
// where a checkpoint deletes.
Result<void> make_room(const RestoreOptions& options, const Log& log) {
  const auto old = Container::open(options.root, options.id);
  if (!old || !old->record().is_checkpointed || old->status() != Status::Stopped) return {};
  return delete_container(options.root, options.id, false, log);
}

// CRIU mounts, but makes no mount points; what is inside of other mounts comes back with those.
Result<void> make_mount_points(const oci::Spec& spec, const BundlePaths& paths) {
  const kernel::RootDir root = TRY(kernel::RootDir::open(paths.rootfs));
  std::vector<std::string> mounted;
  for (const oci::Mount& mount : spec.mounts) {
    const std::string path = kernel::clean_path(mount.destination);
    const bool is_inside =
        std::ranges::any_of(mounted, [&](const std::string& above) { return path.starts_with(above + "/"); });
    mounted.push_back(path);
    if (is_inside) continue;
    struct stat st{.st_mode = S_IFDIR};
    const std::string source =
        mount.source.starts_with('/') ? mount.source : paths.bundle + "/" + mount.source;
    const bool is_bind = mount.type == "bind" || parse_mount_options(mount.options).bind;
    if (is_bind && ::stat(source.c_str(), &st) < 0) return sys_error("look at '{}'", source);
    TRY_DURING(S_ISDIR(st.st_mode) ? root.make_directory(path, 0755) : root.make_file(path, 0755),
               "mount '{}'", mount.destination);
  }
  return {};
}

// The container's standard streams become the caller's where they led out of it.
Result<void> connect_streams(Criu& criu, const std::string& image_path) {
  const json::Document document = TRY_DURING(
      json::Document::parse(TRY(read_file(image_path + "/" + kDescriptorsFile))), kDescriptorsFile);
  const auto keys = TRY_DURING(json::decode<std::vector<std::string>>(document.root()), kDescriptorsFile);
  for (std::size_t i = 0; i < std::min<std::size_t>(keys.size(), 3); ++i) {
    if (!keys[i].starts_with("pipe:") && !keys[i].starts_with("file[")) continue;
    UniqueFd stream(::fcntl(static_cast<int>(i), F_DUPFD_CLOEXEC, 3));
    if (!stream) return sys_error("duplicate descriptor {}", i);
    criu.inherit(std::move(stream), keys[i]);
  }
  return {};
}

Result<void> join_namespaces(Criu& criu, const oci::Spec& spec) {
  for (const oci::Namespace& ns : spec.linux_.namespaces) {
    if (ns.path.empty()) continue;
    switch (ns.type) {
      case oci::NamespaceType::Network:
        criu.inherit(TRY(kernel::open_namespace(ns.path, CLONE_NEWNET)), kNetworkKey);
        break;
      case oci::NamespaceType::Pid:
        criu.inherit(TRY(kernel::open_namespace(ns.path, CLONE_NEWPID)), kPidKey);
        break;
      case oci::NamespaceType::Ipc:
      case oci::NamespaceType::Uts:
        criu.add("--join-ns", fmt::format("{}:{}", oci::name_of(ns.type), ns.path));
        break;
      default:
        return error(Code::Unsupported,
                     "linux.namespaces: a container that joins a {} namespace cannot be restored",
                     oci::name_of(ns.type));
    }
  }
  return {};
}

// CRIU wants the root to be a mount point and makes the container's mount namespace from its own. It gets one
// to itself, so nothing of this can stay behind, whatever happens.
Result<void> mount_root_on_itself(const std::string& rootfs, bool read_only) {
  TRY(kernel::unshare_namespaces(CLONE_NEWNS));
  if (::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) < 0)
    return sys_error("keep mounts from travelling to the host");
  // It stays a slave of the host's: what the container's root follows is taken from here.
  kernel::DetachedMount root = TRY(kernel::DetachedMount::copy_of(AT_FDCWD, rootfs, kernel::Depth::Tree));
  if (read_only) TRY(root.set_attributes({.set = MOUNT_ATTR_RDONLY}, kernel::Depth::One));
  UniqueFd place = TRY(open_at(AT_FDCWD, rootfs, O_PATH | O_DIRECTORY));
  return root.attach_to(place.get());
}

// What CRIU 3 does not restore, but passes on to its children.
Result<void> limit_privileges(const oci::Process& process) {
  if (process.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return sys_error("process.noNewPrivileges");
  return {};
}

// The groups that CRIU, which is in the container's own, puts the processes below, instead of those they had.
Result<void> add_cgroup_roots(Criu& criu) {
  const std::string text = TRY(read_file("/proc/self/cgroup"));
  for (std::string_view rest = text; !rest.empty();) {  // "4:cpu,cpuacct:/path", "0::/path"
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    line.remove_prefix(std::min(line.find(':') + 1, line.size()));
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::string_view controllers = line.substr(0, colon);
    const std::string_view path = line.substr(std::min(colon + 1, line.size()));
    if (controllers.empty()) criu.add("--cgroup-root", std::string(path));
    while (!controllers.empty()) {
      const std::size_t comma = std::min(controllers.find(','), controllers.size());
      criu.add("--cgroup-root", fmt::format("{}:{}", controllers.substr(0, comma), path));
      controllers.remove_prefix(std::min(comma + 1, controllers.size()));
    }
  }
  return {};
}

Result<pid_t> read_pid(const std::string& path) {
  const pid_t pid = std::atoi(TRY(read_file(path)).c_str());
  (void)::unlink(path.c_str());  // it goes with the container's directory at the latest
  if (pid <= 0) return error(Code::Internal, "criu restore has not told the pid of the first process");
  return pid;
}

Result<std::string> absolute(const std::string& path) {
  UniqueFd fd = TRY(open_at(AT_FDCWD, path, O_PATH));
  return kernel::path_of(fd.get());
}

}  // namespace

Result<Container> restore_container(const RestoreOptions& options, const std::string& config_json,
                                    const oci::Spec& spec, const Log& log) {
  const NamespacePlan namespaces = TRY(NamespacePlan::make(spec));
  const BundlePaths paths = TRY(BundlePaths::find(options.bundle, spec));
  if (spec.process && spec.process->terminal)
    return error(Code::Unsupported, "process.terminal: a container with a terminal cannot be restored yet");
  if (!spec.hooks.prestart.empty() || !spec.hooks.create_runtime.empty())
    log.warn("hooks.prestart and hooks.createRuntime are not run at a restore");
  TRY_DURING(open_at(AT_FDCWD, options.image_path, O_PATH | O_DIRECTORY), "images to restore from");
  Criu criu = TRY(prepare_criu(options, "restore"));
  TRY(connect_streams(criu, options.image_path));
  TRY(join_namespaces(criu, spec));
  TRY(make_room(options, log));

  NewContainer made = TRY(NewContainer::begin({.root = options.root,
                                               .id = options.id,
                                               .paths = paths,
                                               .config_json = config_json,
                                               .spec = spec,
                                               .namespaces = namespaces,
                                               .systemd_cgroup = options.systemd_cgroup},
                                              log));
  ContainerCgroup& cgroup = made.cgroup();
  TRY(make_mount_points(spec, paths));

  const std::string pid_file = TRY(absolute(options.root + "/" + options.id)) + "/restored.pid";
  criu.add("--root", paths.rootfs);
  criu.add("--restore-detached");
  criu.add("--restore-sibling");  // a child of ours, not of CRIU
  criu.add("--evasive-devices");
  criu.add("--pidfile", pid_file);
  if (!options.lsm_profile.empty()) criu.add("--lsm-profile", options.lsm_profile);
  if (!options.lsm_mount_context.empty()) criu.add("--lsm-mount-context", options.lsm_mount_context);
  for (std::string& mount : TRY(external_mounts_to_restore(spec, paths.bundle, cgroup.views())))
    criu.add("--external", std::move(mount));

  const auto around = [&](pid_t pid) -> Result<void> {
    return cgroup.is_made_around_process() ? cgroup.create_around(pid) : Result<void>();
  };
  const auto inside = [&]() -> Result<void> {
    if (kernel::Cgroup* group = cgroup.group()) TRY(group->join_self());
    TRY(add_cgroup_roots(criu));
    if (spec.process) TRY(limit_privileges(*spec.process));
    return mount_root_on_itself(paths.rootfs, spec.root.readonly);
  };
  kernel::Cgroup* group = cgroup.group();
  TRY_DURING(criu.run(group == nullptr ? -1 : group->into_cgroup_fd(), around, inside),
             "restore container '{}'", options.id);

  ChildProcess init(TRY(read_pid(pid_file)));
  made.container().record().init = ProcessRef::of(init.pid());
  TRY(made.complete(options.pid_file));
  return made.keep(std::move(init));
}

}  // namespace gantry::runtime
