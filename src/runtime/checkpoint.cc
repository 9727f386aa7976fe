// SPDX-License-Identifier: Apache-2.0
#include "runtime/checkpoint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json_codec.h"
#include "runtime/criu_options.h"
#include "runtime/external_mounts.h"

namespace gantry::runtime {
namespace {

constexpr std::string_view kCgroupModes[] = {"none", "props", "soft", "full", "strict", "ignore"};

Result<void> add_page_server(Criu& criu, const CheckpointOptions& options) {
  if (options.page_server.empty()) return {};
  const std::size_t colon = options.page_server.rfind(':');
  if (colon == std::string::npos)
    return error(Code::InvalidArgument, "--page-server: expected ADDRESS:PORT, not '{}'",
                 options.page_server);
  criu.add_if(!options.lazy_pages, "--page-server");  // with lazy pages this end is the server
  criu.add("--address", options.page_server.substr(0, colon));
  criu.add("--port", options.page_server.substr(colon + 1));
  return {};
}

Result<void> add_namespaces(Criu& criu, const oci::Spec& spec, pid_t init) {
  const auto add = [&](oci::NamespaceType type, std::string_view name, const char* key) -> Result<void> {
    const oci::Namespace* joined = spec.find_namespace(type);
    if (joined == nullptr || joined->path.empty()) return {};
    struct stat st{};
    const std::string link = fmt::format("/proc/{}/ns/{}", init, name);
    if (::stat(link.c_str(), &st) < 0) return sys_error("look at '{}'", link);
    criu.add("--external", fmt::format("{}[{}]:{}", name, st.st_ino, key));
    return {};
  };
  TRY(add(oci::NamespaceType::Network, "net", kNetworkKey));
  return add(oci::NamespaceType::Pid, "pid", kPidKey);
}

// How a descriptor of the first process is to be found again; empty where it belongs to the container itself.
Result<std::string> outside_key(pid_t init, int fd, const std::vector<int>& own_mounts) {
  const std::string path = fmt::format("/proc/{}/fd/{}", init, fd);
  char link[PATH_MAX];
  const ssize_t size = ::readlink(path.c_str(), link, sizeof link);
  if (size < 0) return std::string();  // closed
  const std::string_view target(link, static_cast<std::size_t>(size));
  if (target.starts_with("pipe:")) return std::string(target);
  if (!target.starts_with('/')) return std::string();
  struct stat st{};
  if (::stat(path.c_str(), &st) < 0) return sys_error("look at '{}'", path);
  const std::string info = TRY(read_file(fmt::format("/proc/{}/fdinfo/{}", init, fd)));
  constexpr std::string_view kMount = "mnt_id:";
  const std::size_t at = info.find(kMount);
  const int mount = at == std::string::npos ? 0 : std::atoi(info.c_str() + at + kMount.size());
  if (std::ranges::find(own_mounts, mount) != own_mounts.end()) return std::string();
  return fmt::format("file[{:x}:{:x}]", mount, st.st_ino);
}

Result<void> add_descriptors(Criu& criu, const std::string& image_path, pid_t init) {
  const std::vector<int> own_mounts = TRY(mount_ids_of(init));
  std::vector<std::string> keys;
  for (int fd = 0; fd <= 2; ++fd) {
    keys.push_back(TRY(outside_key(init, fd, own_mounts)));
    if (keys.back().starts_with("file[")) criu.add("--external", keys.back());
  }
  return replace_file_at(AT_FDCWD, image_path + "/" + kDescriptorsFile, json::encode(keys), 0600);
}

Result<void> add_freezer(Criu& criu, const Container& container) {
  kernel::Cgroup cgroup = TRY(container.open_cgroup());
  const kernel::CgroupPlace* place = cgroup.place_of(kernel::Controller::Freezer);
  if (place == nullptr) place = cgroup.v2_place();
  if (place != nullptr) criu.add("--freeze-cgroup", place->path);
  return {};
}

}  // namespace

Result<Criu> prepare_criu(const CriuOptions& options, const char* action) {
  if (std::ranges::find(kCgroupModes, options.manage_cgroups_mode) == std::end(kCgroupModes))
    return error(Code::InvalidArgument, "--manage-cgroups-mode: '{}' is none of {}",
                 options.manage_cgroups_mode, fmt::join(kCgroupModes, ", "));
  const std::string& work_path = options.work_path.empty() ? options.image_path : options.work_path;
  TRY(make_directories(work_path, 0700));
  Criu criu(options.program, action, work_path);
  criu.add("--images-dir", options.image_path);
  criu.add("--manage-cgroups=" + options.manage_cgroups_mode);
  for (const std::string& type : options.empty_ns) {
    if (type != "network")
      return error(Code::InvalidArgument, "--empty-ns: only 'network' can be left empty, not '{}'", type);
    criu.add("--empty-ns", "net");
  }
  criu.add_if(options.tcp_established, "--tcp-established");
  criu.add_if(options.tcp_skip_in_flight, "--skip-in-flight");
  criu.add_if(options.link_remap, "--link-remap");
  criu.add_if(options.ext_unix_sk, "--ext-unix-sk");
  criu.add_if(options.shell_job, "--shell-job");
  criu.add_if(options.file_locks, "--file-locks");
  criu.add_if(options.auto_dedup, "--auto-dedup");
  criu.add_if(options.lazy_pages, "--lazy-pages");
  return criu;
}

Result<void> checkpoint_container(Container& container, const CheckpointOptions& options) {
  const Status status = container.status();
  if (status != Status::Running && status != Status::Paused)
    return error(Code::Conflict, "cannot checkpoint container '{}': container not running, it is {}",
                 container.id(), name_of(status));
  const oci::Spec spec = TRY(container.load_spec());
  // The other end of the terminal is outside of the container, and criu hands out a new one only over its
  // RPC.
  if (spec.process && spec.process->terminal)
    return error(Code::Unsupported, "checkpoint container '{}': process.terminal: cannot be saved yet",
                 container.id());
  const pid_t init = container.record().init.pid;
  TRY(make_directories(options.image_path, 0700));
  Criu criu = TRY(prepare_criu(options, options.pre_dump ? "pre-dump" : "dump"));
  criu.add("--tree", std::to_string(init));
  criu.add("--root", container.record().rootfs);
  criu.add_if(options.pre_dump || !options.parent_path.empty(), "--track-mem");
  if (!options.parent_path.empty()) criu.add("--prev-images-dir", options.parent_path);
  criu.add_if(options.leave_running && !options.pre_dump, "--leave-running");
  if (options.status_fd >= 0) criu.add("--status-fd", std::to_string(options.status_fd));
  TRY(add_page_server(criu, options));
  TRY(add_namespaces(criu, spec, init));
  TRY(add_freezer(criu, container));
  if (!options.pre_dump) {
    for (std::string& mount : TRY(external_mounts_to_dump(spec, init)))
      criu.add("--external", std::move(mount));
    TRY(add_descriptors(criu, options.image_path, init));
  }
  TRY_DURING(criu.run(), "checkpoint container '{}'", container.id());
  if (options.leave_running || options.pre_dump) return {};
  container.record().is_checkpointed = true;
  return container.save();
}

}  // namespace gantry::runtime
