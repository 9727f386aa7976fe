// SPDX-License-Identifier: Apache-2.0
#include "runtime/container.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "base/json_codec.h"
#include "kernel/cgroup.h"
#include "kernel/pidfd.h"
#include "kernel/pty.h"
#include "limits/cgroup_path.h"

namespace gantry::runtime {
namespace {

constexpr const char* kStateFile = "state.json";
constexpr const char* kConfigFile = "config.json";
constexpr const char* kFilterFile = "seccomp.bpf";
constexpr const char* kStartSocket = "start.sock";
constexpr std::size_t kLongestId = 1024;

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_+-.").find(c) != std::string_view::npos;
}

Error does_not_exist(const std::string& id) {
  return error(Code::NotFound, "container '{}' does not exist", id);
}

}  // namespace

static void fields(json::Fields& f, ProcessRef& process) {
  f("pid", process.pid);
  f("startTime", process.start_time);
}

static void fields(json::Fields& f, Record& record) {
  f("ociVersion", record.oci_version);
  f("id", record.id);
  f("bundle", record.bundle);
  f("rootfs", record.rootfs);
  f("created", record.created);
  f("owner", record.owner);
  f("isCreated", record.is_created);
  f("creator", record.creator);
  f("init", record.init);
  f("isCheckpointed", record.is_checkpointed);
  f("hasPidNamespace", record.has_pid_namespace);
  f("cgroups", record.cgroups);
  f("systemdUnit", record.systemd_unit);
  f("annotations", record.annotations);
  f("poststart", record.poststart);
  f("poststop", record.poststop);
}

static Result<Record> decode_record(std::string text) {
  const json::Document document = TRY(json::Document::parse(std::move(text)));
  return json::decode<Record>(document.root());
}

ProcessRef ProcessRef::of(int pid) {
  const auto stat = kernel::read_process_stat(pid);
  return {pid, stat ? stat->start_time : 0};
}

bool ProcessRef::is_alive() const {
  if (pid <= 0) return false;
  const auto stat = kernel::read_process_stat(pid);
  return stat && stat->start_time == start_time && stat->state != 'Z' && stat->state != 'X';
}

std::string_view name_of(Status status) {
  switch (status) {
    case Status::Creating: return "creating";
    case Status::Created: return "created";
    case Status::Running: return "running";
    case Status::Paused: return "paused";
    case Status::Stopped: return "stopped";
  }
  return "?";
}

Result<void> check_id(const std::string& id) {
  if (id.empty()) return error(Code::InvalidArgument, "the container id is empty");
  if (id.size() > kLongestId)
    return error(Code::InvalidArgument, "the container id is longer than {} characters", kLongestId);
  if (id == "." || id == ".." || !std::ranges::all_of(id, is_id_character))
    return error(Code::InvalidArgument,
                 "invalid container id: only letters, digits and '_', '+', '-', '.' are allowed");
  return {};
}

Result<Container> Container::create(const std::string& root, const std::string& id) {
  TRY(check_id(id));
  TRY(make_directories(root, 0711));
  const std::string path = root + "/" + id;
  if (::mkdir(path.c_str(), 0711) < 0) {
    if (errno == EEXIST) return error(Code::AlreadyExists, "container with id exists already: '{}'", id);
    return sys_error("make directory '{}'", path);
  }
  Container container(root, TRY(open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)));
  container.record_.id = id;
  container.is_being_created_ = true;
  return container;
}

Result<void> Container::read_record() {
  record_ = TRY(decode_record(TRY(read_file_at(dir_.get(), kStateFile))));
  return {};
}

Result<Container> Container::open(const std::string& root, const std::string& id) {
  TRY(check_id(id));
  auto dir = open_at(AT_FDCWD, root + "/" + id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!dir) {
    if (dir.error().code() == Code::NotFound) return does_not_exist(id);
    return std::move(dir).error();
  }
  Container container(root, std::move(*dir));
  const auto read = [&]() -> Result<void> {
    auto done = container.read_record();
    if (!done && done.error().code() == Code::NotFound) return does_not_exist(id);
    TRY_DURING(std::move(done), "state of container '{}'", id);
    return {};
  };
  TRY(read());
  if (container.record_.is_created) return container;
  container.is_being_created_ = container.record_.creator.is_alive();
  // The last word of one that has ended just now may be that all is there.
  if (!container.is_being_created_) TRY(read());
  return container;
}

Result<Container> Container::open_damaged(const std::string& root, const std::string& id) {
  TRY(check_id(id));
  Container container(root, TRY(open_at(AT_FDCWD, root + "/" + id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)));
  container.record_.id = id;
  // Without even that, they are where they are for a container that does not say.
  const auto spec = container.load_spec();
  const auto layout = TRY(kernel::CgroupLayout::read());
  const auto plan = TRY(limits::plan_cgroup(layout, spec ? spec->linux_.cgroups_path : "", id, {}));
  for (const kernel::CgroupPlace& place : plan.places) container.record_.cgroups[place.key] = place.path;
  return container;
}

Result<std::vector<std::string>> Container::list(const std::string& root) {
  auto ids = names_in(AT_FDCWD, root);
  if (!ids) {
    if (ids.error().code() == Code::NotFound) return std::vector<std::string>();
    return std::move(ids).error();
  }
  std::erase_if(*ids, [&](const std::string& id) {
    struct stat st{};
    return !check_id(id) || ::lstat((root + "/" + id).c_str(), &st) < 0 || !S_ISDIR(st.st_mode);
  });
  std::ranges::sort(*ids);
  return ids;
}

bool Container::is_remnant(const std::string& root, const std::string& id) {
  return check_id(id) && ::access((root + "/" + id).c_str(), F_OK) == 0 &&
         ::access(fmt::format("{}/{}/{}", root, id, kStateFile).c_str(), F_OK) != 0;
}

Result<void> Container::remove_remnant(const std::string& root, const std::string& id) {
  return remove_tree_at(AT_FDCWD, root + "/" + id);
}

Result<void> Container::save() const {
  return replace_file_at(dir_.get(), kStateFile, json::encode(record_), 0600);
}

Result<void> Container::save_config(std::string_view json) const {
  return replace_file_at(dir_.get(), kConfigFile, json, 0600);
}

Result<oci::Spec> Container::load_spec() const {
  return oci::parse_spec(TRY(read_file_at(dir_.get(), kConfigFile)));
}

Result<void> Container::save_filter(std::string_view bytes) const {
  return replace_file_at(dir_.get(), kFilterFile, bytes, 0600);
}

Result<std::string> Container::load_filter() const { return read_file_at(dir_.get(), kFilterFile); }

Status Container::status() const {
  if (!record_.is_created) return is_being_created_ ? Status::Creating : Status::Stopped;
  if (!record_.init.is_alive()) return Status::Stopped;
  if (::faccessat(dir_.get(), kStartSocket, F_OK, 0) == 0) return Status::Created;
  return is_paused() ? Status::Paused : Status::Running;
}

bool Container::is_paused() const {
  auto cgroup = open_cgroup();
  if (!cgroup) return false;
  const auto frozen = cgroup->is_frozen();
  return frozen && *frozen;
}

Result<kernel::Cgroup> Container::open_cgroup() const {
  std::vector<kernel::CgroupPlace> places;
  for (const auto& [key, path] : record_.cgroups) places.push_back({.key = key, .path = path});
  return kernel::Cgroup::open(std::move(places));
}

oci::State Container::state(Status status) const {
  return {.oci_version = record_.oci_version,
          .id = record_.id,
          .status = std::string(name_of(status)),
          .pid = status == Status::Stopped ? 0 : record_.init.pid,
          .bundle = record_.bundle,
          .annotations = record_.annotations};
}

Result<UniqueFd> Container::listen_for_start() const {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return sys_error("make socket");
  // Through the descriptor, because sun_path is shorter than paths may be.
  sockaddr_un address{.sun_family = AF_UNIX};
  const std::string path = fmt::format("/proc/self/fd/{}/{}", dir_.get(), kStartSocket);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return sys_error("bind '{}'", kStartSocket);
  if (::listen(socket.get(), 1) < 0) return sys_error("listen on '{}'", kStartSocket);
  return socket;
}

Result<UniqueFd> Container::connect_for_start() const {
  const std::string path = fmt::format("/proc/self/fd/{}/{}", dir_.get(), kStartSocket);
  UniqueFd socket = TRY(kernel::connect_unix(path, SOCK_SEQPACKET));
  // Whoever removes the name may start the container; the other one finds it gone.
  if (::unlinkat(dir_.get(), kStartSocket, 0) < 0) return sys_error("take '{}'", kStartSocket);
  return socket;
}

Result<void> Container::remove() const { return remove_tree_at(AT_FDCWD, root_ + "/" + record_.id); }

}  // namespace gantry::runtime
