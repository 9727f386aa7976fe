// SPDX-License-Identifier: Apache-2.0
#include "runtime/process_attributes.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string_view>

#include "base/file.h"
#include "base/number_list.h"

namespace gantry::runtime {
namespace {

// linux/sched/types.h and linux/ioprio.h cannot be included beside libc's sched.h in C++.
struct SchedAttr {  // sched_setattr(2), the first version
  std::uint32_t size = sizeof(SchedAttr);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // nanoseconds, as the next two
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};
enum IoClass { kIoRealtime = 1, kIoBestEffort = 2, kIoIdle = 3 };
constexpr int kIoClassShift = 13;
constexpr int kIoWhoProcess = 1;  // IOPRIO_WHO_PROCESS

struct Word {
  std::string_view name;
  int value;
};

template <std::size_t N>
Result<int> value_of(const Word (&words)[N], std::string_view name, std::string_view field) {
  for (const Word& word : words)
    if (word.name == name) return word.value;
  return error(Code::InvalidArgument, "{}: unknown word '{}'", field, name);
}

constexpr Word kRlimits[] = {{"RLIMIT_AS", RLIMIT_AS},
                             {"RLIMIT_CORE", RLIMIT_CORE},
                             {"RLIMIT_CPU", RLIMIT_CPU},
                             {"RLIMIT_DATA", RLIMIT_DATA},
                             {"RLIMIT_FSIZE", RLIMIT_FSIZE},
                             {"RLIMIT_LOCKS", RLIMIT_LOCKS},
                             {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
                             {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
                             {"RLIMIT_NICE", RLIMIT_NICE},
                             {"RLIMIT_NOFILE", RLIMIT_NOFILE},
                             {"RLIMIT_NPROC", RLIMIT_NPROC},
                             {"RLIMIT_RSS", RLIMIT_RSS},
                             {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
                             {"RLIMIT_RTTIME", RLIMIT_RTTIME},
                             {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
                             {"RLIMIT_STACK", RLIMIT_STACK}};

constexpr Word kSchedulerPolicies[] = {{"SCHED_OTHER", SCHED_OTHER},
                                       {"SCHED_FIFO", SCHED_FIFO},
                                       {"SCHED_RR", SCHED_RR},
                                       {"SCHED_BATCH", SCHED_BATCH},
                                       {"SCHED_ISO", 4},  // reserved in linux/sched.h; the kernel refuses it
                                       {"SCHED_IDLE", SCHED_IDLE},
                                       {"SCHED_DEADLINE", SCHED_DEADLINE}};

constexpr Word kSchedulerFlags[] = {{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
                                    {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
                                    {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
                                    {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
                                    {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
                                    {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
                                    {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX}};

constexpr Word kIoClasses[] = {
    {"IOPRIO_CLASS_RT", kIoRealtime}, {"IOPRIO_CLASS_BE", kIoBestEffort}, {"IOPRIO_CLASS_IDLE", kIoIdle}};

constexpr Word kMemoryModes[] = {{"MPOL_DEFAULT", MPOL_DEFAULT}, {"MPOL_PREFERRED", MPOL_PREFERRED},
                                 {"MPOL_BIND", MPOL_BIND},       {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
                                 {"MPOL_LOCAL", MPOL_LOCAL},     {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
                                 {"MPOL_WEIGHTED_INTERLEAVE", 6}};  // Linux 6.9; not in older headers

constexpr Word kMemoryFlags[] = {{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
                                 {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
                                 {"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING}};

}  // namespace

Result<void> set_rlimits(const std::vector<oci::Rlimit>& rlimits, const Log& log) {
  for (std::size_t i = 0; i < rlimits.size(); ++i) {
    const std::string field = fmt::format("process.rlimits[{}]", i);
    const auto resource = static_cast<__rlimit_resource>(TRY(value_of(kRlimits, rlimits[i].type, field)));
    rlimit limit{.rlim_cur = rlimits[i].soft, .rlim_max = rlimits[i].hard};
    if (::setrlimit(resource, &limit) == 0) continue;
    rlimit present{};
    if (errno != EPERM || ::getrlimit(resource, &present) < 0)
      return sys_error("{}: set {}", field, rlimits[i].type);
    // Only CAP_SYS_RESOURCE may raise a hard limit. Where the runtime itself lacks it, the container
    // gets as much as there is, and the user is told.
    limit.rlim_max = std::min(limit.rlim_max, present.rlim_max);
    limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max);
    if (::setrlimit(resource, &limit) < 0) return sys_error("{}: set {}", field, rlimits[i].type);
    log.warn(fmt::format(
        "{}: {} is {}:{} instead of {}:{}, because raising the hard limit needs CAP_SYS_RESOURCE", field,
        rlimits[i].type, limit.rlim_cur, limit.rlim_max, rlimits[i].soft, rlimits[i].hard));
  }
  return {};
}

Result<void> set_scheduler(const oci::Scheduler& scheduler) {
  SchedAttr attr{.nice = scheduler.nice,
                 .priority = static_cast<std::uint32_t>(scheduler.priority),
                 .runtime = scheduler.runtime,
                 .deadline = scheduler.deadline,
                 .period = scheduler.period};
  attr.policy = static_cast<std::uint32_t>(
      TRY(value_of(kSchedulerPolicies, scheduler.policy, "process.scheduler.policy")));
  for (const std::string& flag : scheduler.flags)
    attr.flags |= static_cast<std::uint64_t>(TRY(value_of(kSchedulerFlags, flag, "process.scheduler.flags")));
  if (::syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
    return sys_error("process.scheduler: set {}", scheduler.policy);
  return {};
}

Result<void> set_io_priority(const oci::IoPriority& priority) {
  const int io_class = TRY(value_of(kIoClasses, priority.io_class, "process.ioPriority.class"));
  if (::syscall(SYS_ioprio_set, kIoWhoProcess, 0, io_class << kIoClassShift | priority.priority) < 0)
    return sys_error("process.ioPriority: set {} {}", priority.io_class, priority.priority);
  return {};
}

Result<void> set_cpu_affinity(const std::string& list, std::string_view field) {
  const auto mask = as_bit_mask<unsigned long>(TRY_DURING(parse_number_list(list), "{}", field));
  if (::syscall(SYS_sched_setaffinity, 0, mask.size() * sizeof mask[0], mask.data()) < 0)
    return sys_error("{}: run on CPUs '{}'", field, list);
  return {};
}

Result<void> set_memory_policy(const oci::MemoryPolicy& policy) {
  int mode = TRY(value_of(kMemoryModes, policy.mode, "linux.memoryPolicy.mode"));
  for (const std::string& flag : policy.flags)
    mode |= TRY(value_of(kMemoryFlags, flag, "linux.memoryPolicy.flags"));
  const auto nodes =
      as_bit_mask<unsigned long>(TRY_DURING(parse_number_list(policy.nodes), "linux.memoryPolicy.nodes"));
  const std::size_t bits = nodes.size() * 8 * sizeof nodes[0];
  // The kernel reads one bit less than `maxnode` says (set_mempolicy(2), BUGS).
  if (::syscall(SYS_set_mempolicy, mode, nodes.empty() ? nullptr : nodes.data(),
                nodes.empty() ? 0 : bits + 1) < 0)
    return sys_error("linux.memoryPolicy: set {} on nodes '{}'", policy.mode, policy.nodes);
  return {};
}

Result<void> set_oom_score_adj(pid_t pid, int score, const Log& log) {
  const std::string file = pid == 0 ? "/proc/self/oom_score_adj" : fmt::format("/proc/{}/oom_score_adj", pid);
  auto written = write_existing_at(AT_FDCWD, file, std::to_string(score));
  if (written || (written.error().errno_value() != EACCES && written.error().errno_value() != EPERM)) {
    TRY_DURING(std::move(written), "process.oomScoreAdj");
    return {};
  }
  // Only CAP_SYS_RESOURCE may go below the score one was started with.
  log.warn(fmt::format("process.oomScoreAdj: stays as it was, because {} needs CAP_SYS_RESOURCE", score));
  return {};
}

Result<void> set_personality(const oci::Personality& personality) {
  const unsigned long domain = personality.domain == "LINUX32" ? PER_LINUX32 : PER_LINUX;
  if (::personality(domain) < 0) return sys_error("linux.personality: set {}", personality.domain);
  return {};
}

}  // namespace gantry::runtime
