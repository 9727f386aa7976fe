// SPDX-License-Identifier: Apache-2.0
#include "engine/doctor.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "base/human.h"
#include "base/unique_fd.h"
#include "kernel/cgroup_layout.h"

namespace gantry::engine {
namespace {

using kernel::CgroupMode;
using kernel::Controller;

class Examination {
 public:
  explicit Examination(const DoctorOptions& options) : options_(options) {}
  std::vector<Finding> run();

 private:
  void kernel_version();
  void file_systems();
  void namespaces();
  void seccomp();
  void privileges();
  void cgroups();
  void storage();
  void forwarding();
  void nf_tables();
  void limits();

  void ok(const char* check, std::string found) { add(check, Verdict::Ok, std::move(found), ""); }
  void warn(const char* check, std::string found, std::string remedy) {
    add(check, Verdict::Warning, std::move(found), std::move(remedy));
  }
  void problem(const char* check, std::string found, std::string remedy) {
    add(check, Verdict::Problem, std::move(found), std::move(remedy));
  }
  void add(const char* check, Verdict verdict, std::string found, std::string remedy) {
    findings_.push_back({area_, check, verdict, std::move(found), std::move(remedy)});
  }
  // A file of the system, without its last newline.
  std::optional<std::string> text(const std::string& path) const {
    Result<std::string> text = read_file(options_.system + path);
    if (!text) return std::nullopt;
    while (text->ends_with('\n')) text->pop_back();
    return *std::move(text);
  }
  bool exists(const std::string& path) const { return ::access((options_.system + path).c_str(), F_OK) == 0; }

  const DoctorOptions& options_;
  const char* area_ = "";
  std::vector<Finding> findings_;
};

std::uint64_t to_number(std::string_view text) {
  std::uint64_t number = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::vector<Finding> Examination::run() {
  area_ = "kernel";
  kernel_version();
  file_systems();
  namespaces();
  seccomp();
  area_ = "security";
  privileges();
  area_ = "cgroups";
  cgroups();
  area_ = "storage";
  storage();
  area_ = "network";
  forwarding();
  area_ = "firewall";
  nf_tables();
  area_ = "limits";
  limits();
  return std::move(findings_);
}

void Examination::kernel_version() {
  const std::string release = text("/proc/sys/kernel/osrelease").value_or("");
  const std::uint64_t major = to_number(release);
  const std::size_t dot = release.find('.');
  const std::uint64_t minor =
      dot == std::string::npos ? 0 : to_number(std::string_view(release).substr(dot + 1));
  // mount_setattr(2) is what everything else is younger or older than.
  if (major > 5 || (major == 5 && minor >= 12)) return ok("version", "Linux " + release);
  problem("version", "Linux " + release, "Linux 5.12 or newer is needed: boot a newer kernel");
}

void Examination::file_systems() {
  const std::string known = "\n" + text("/proc/filesystems").value_or("") + "\n";
  const auto has = [&](std::string_view name) {
    return known.find("\t" + std::string(name) + "\n") != std::string::npos;
  };
  if (has("overlay"))
    ok("overlay file system", "there");
  else
    problem("overlay file system", "not there", "modprobe overlay, or a kernel with CONFIG_OVERLAY_FS");
}

void Examination::namespaces() {
  std::string missing;
  for (const char* name : {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"})
    if (!exists(fmt::format("/proc/self/ns/{}", name)))
      missing += fmt::format("{}{}", missing.empty() ? "" : " ", name);
  if (missing.empty()) return ok("namespaces", "all there");
  problem("namespaces", "missing: " + missing, "a kernel with CONFIG_NAMESPACES and its parts");
}

void Examination::seccomp() {
  if (const auto actions = text("/proc/sys/kernel/seccomp/actions_avail")) return ok("seccomp", *actions);
  problem("seccomp", "not there",
          "a kernel with CONFIG_SECCOMP_FILTER; until then --security-opt seccomp=unconfined");
}

void Examination::privileges() {
  std::uint64_t effective = 0;
  const std::string status = text("/proc/self/status").value_or("");
  if (const std::size_t at = status.find("CapEff:\t"); at != std::string::npos)
    (void)std::from_chars(status.data() + at + 8, status.data() + status.size(), effective, 16);
  struct Needed {
    unsigned bit;
    const char* name;
    const char* what_for;
  };
  constexpr Needed kNeeded[] = {{21, "CAP_SYS_ADMIN", "mounts and namespaces"},
                                {12, "CAP_NET_ADMIN", "networks"},
                                {24, "CAP_SYS_RESOURCE", "raising limits"},
                                {6, "CAP_SETGID", "users of containers"}};
  for (const Needed& needed : kNeeded) {
    if ((effective >> needed.bit & 1) != 0) {
      ok(needed.name, "there");
    } else {
      const std::string remedy = fmt::format("run as root, with {} ({})", needed.name, needed.what_for);
      if (needed.bit == 24)
        warn(needed.name, "missing", remedy);
      else
        problem(needed.name, "missing", remedy);
    }
  }
  if (const auto apparmor = text("/sys/module/apparmor/parameters/enabled"))
    ok("AppArmor", *apparmor == "Y" ? "on" : "off");
  if (exists("/sys/fs/selinux/enforce")) ok("SELinux", "on");
}

const char* name_of_mode(CgroupMode mode) {
  switch (mode) {
    case CgroupMode::None: return "none";
    case CgroupMode::V1: return "cgroup v1";
    case CgroupMode::Mixed: return "cgroup v1 and v2 mixed";
    case CgroupMode::V2: return "cgroup v2";
  }
  return "";
}

void Examination::cgroups() {
  const Result<kernel::CgroupLayout> layout = kernel::CgroupLayout::read(options_.system);
  if (!layout || layout->mode() == CgroupMode::None)
    return problem("hierarchy", "no control group file system is mounted",
                   "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
  ok("hierarchy", name_of_mode(layout->mode()));
  kernel::ControllerSet there = layout->v1_controllers();
  if (const kernel::Hierarchy* v2 = layout->v2())
    if (const Result<std::string> listed = read_file(v2->mount + "/cgroup.controllers"))
      there = there | kernel::ControllerSet::parse(*listed, " \n", kernel::CgroupVersion::V2);
  for (const Controller controller :
       {Controller::Cpu, Controller::Cpuset, Controller::Io, Controller::Memory, Controller::Pids}) {
    const std::string name(kernel::name_of(controller, kernel::CgroupVersion::V2));
    if (there.contains(controller))
      ok(name.c_str(), "there");
    else
      warn(name.c_str(), "not there: limits of this kind fail",
           controller == Controller::Memory
               ? "boot with cgroup_enable=memory"
               : fmt::format("a kernel with the {} controller, not disabled", name));
  }
}

void Examination::storage() {
  struct statfs about{};
  struct statvfs space{};
  const std::string& root = options_.root;
  if (::statfs(root.c_str(), &about) < 0 || ::statvfs(root.c_str(), &space) < 0)
    return problem("data root", fmt::format("'{}': {}", root, describe_errno(errno)),
                   "make the directory, or name another");
  const std::string probe = fmt::format("{}/.doctor.{}", root, ::getpid());
  if (const UniqueFd file{::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)}; file) {
    (void)::unlink(probe.c_str());
    ok("data root", fmt::format("'{}' can be written", root));
  } else {
    problem("data root", fmt::format("'{}' cannot be written: {}", root, describe_errno(errno)),
            "look at its owner, and whether it is mounted read-only");
  }
  if (about.f_type == OVERLAYFS_SUPER_MAGIC)
    problem("file system", "the data root is on an overlay itself", "put it on ext4, xfs or btrfs");
  else if (about.f_type == NFS_SUPER_MAGIC)
    problem("file system", "the data root is on NFS", "put it on a disk of this host");
  else
    ok("file system", fmt::format("type {:#x}", static_cast<unsigned>(about.f_type)));
  const std::uint64_t free = std::uint64_t{space.f_bavail} * space.f_frsize;
  const std::uint64_t whole = std::uint64_t{space.f_blocks} * space.f_frsize;
  const std::string found = fmt::format("{} of {} free", human_size(free), human_size(whole));
  if (free < std::uint64_t{1} << 30 || free < whole / 20)
    warn("space", found, "docker system prune, or a larger disk");
  else
    ok("space", found);
  if (space.f_files > 0 && space.f_favail < space.f_files / 20)
    warn("inodes", fmt::format("{} of {} free", space.f_favail, space.f_files),
         "remove images and containers nobody needs");
}

void Examination::forwarding() {
  const std::string forward = text("/proc/sys/net/ipv4/ip_forward").value_or("");
  if (forward == "1")
    ok("IPv4 forwarding", "on");
  else
    warn("IPv4 forwarding", forward.empty() ? "unknown" : "off",
         "gantryd turns it on for its bridges unless told otherwise; else sysctl net.ipv4.ip_forward=1");
  if (exists("/proc/sys/net/ipv6"))
    ok("IPv6", "there");
  else
    warn("IPv6", "off", "networks with --ipv6 need a kernel with it");
}

// Asks for the generation of the rule set, which changes nothing.
bool answers_nf_tables() {
  const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!socket) return false;
  struct {
    nlmsghdr header;
    nfgenmsg family;
  } request{{.nlmsg_len = sizeof request,
             .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
             .nlmsg_flags = NLM_F_REQUEST},
            {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0}};
  if (::send(socket.get(), &request, sizeof request, 0) < 0) return false;
  alignas(nlmsghdr) char answer[4096];
  const ssize_t size = ::recv(socket.get(), answer, sizeof answer, 0);
  return size >= static_cast<ssize_t>(sizeof(nlmsghdr)) &&
         reinterpret_cast<const nlmsghdr*>(answer)->nlmsg_type != NLMSG_ERROR;
}

void Examination::nf_tables() {
  if (answers_nf_tables()) return ok("nftables", "answers");
  problem("nftables", "does not answer",
          "modprobe nf_tables (and CAP_NET_ADMIN): published ports and bridges need it");
}

void Examination::limits() {
  struct Limit {
    const char* file;
    std::uint64_t enough;
  };
  constexpr Limit kLimits[] = {{"kernel/pid_max", 32768},
                               {"kernel/keys/maxkeys", 200},
                               {"fs/inotify/max_user_instances", 128},
                               {"fs/inotify/max_user_watches", 8192},
                               {"user/max_user_namespaces", 1}};
  for (const Limit& limit : kLimits) {
    const auto value = text(std::string("/proc/sys/") + limit.file);
    if (!value) continue;
    std::string name = limit.file;
    for (char& c : name)
      if (c == '/') c = '.';
    if (to_number(*value) >= limit.enough)
      ok(name.c_str(), *value);
    else
      warn(name.c_str(), *value, fmt::format("sysctl {}={}", name, limit.enough));
  }
}

}  // namespace

void fields(json::Fields& f, Finding& finding) {
  using json::Presence;
  f("area", finding.area, Presence::Always);
  f("check", finding.check, Presence::Always);
  f("verdict", finding.verdict, Presence::Always);
  f("found", finding.found, Presence::Always);
  f("remedy", finding.remedy);
}

std::vector<Finding> examine_host(const DoctorOptions& options) { return Examination(options).run(); }

}  // namespace gantry::engine
