// SPDX-License-Identifier: Apache-2.0
#include "kernel/device_filter.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include <fmt/format.h>

#include "base/unique_fd.h"

namespace gantry::kernel {
namespace {

static_assert(int{kMknod} == int{BPF_DEVCG_ACC_MKNOD} && int{kRead} == int{BPF_DEVCG_ACC_READ} &&
              int{kWrite} == int{BPF_DEVCG_ACC_WRITE});

constexpr std::uint8_t kR0 = 0, kContext = 1, kType = 2, kAccess = 3, kMajor = 4, kMinor = 5, kScratch = 6;

constexpr bpf_insn load_word(std::uint8_t to, std::int16_t offset) {
  return {.code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = to, .src_reg = kContext, .off = offset};
}
constexpr bpf_insn move(std::uint8_t to, std::uint8_t from) {
  return {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = to, .src_reg = from};
}
constexpr bpf_insn operate(std::uint8_t operation, std::uint8_t to, std::uint32_t value) {
  return {.code = static_cast<__u8>(BPF_ALU | operation | BPF_K),
          .dst_reg = to,
          .imm = static_cast<__s32>(value)};
}
// 32-bit comparison (BPF_JMP32 and not BPF_JMP): device numbers over 2^31 must not be sign-extended.
constexpr bpf_insn jump_if(std::uint8_t comparison, std::uint8_t left, std::uint32_t right,
                           std::int16_t over) {
  return {.code = static_cast<__u8>(BPF_JMP32 | comparison | BPF_K),
          .dst_reg = left,
          .off = over,
          .imm = static_cast<__s32>(right)};
}
constexpr bpf_insn kReturn = {.code = BPF_JMP | BPF_EXIT};

long bpf(bpf_cmd command, bpf_attr& attributes) {
  return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

std::uint64_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

UniqueFd load(std::span<const bpf_insn> program, std::span<char> log) {
  constexpr char kLicense[] = "Apache-2.0";
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = address_of(program.data());
  attributes.insn_cnt = static_cast<__u32>(program.size());
  attributes.license = address_of(kLicense);
  std::strncpy(attributes.prog_name, "gantry_devices", sizeof attributes.prog_name - 1);
  if (!log.empty()) {
    attributes.log_buf = address_of(log.data());
    attributes.log_size = static_cast<__u32>(log.size());
    attributes.log_level = 1;
  }
  return UniqueFd(static_cast<int>(bpf(BPF_PROG_LOAD, attributes)));
}

Result<UniqueFd> load_program(std::span<const bpf_insn> program) {
  UniqueFd fd = load(program, {});
  if (!fd && errno == EPERM) {
    // Before Linux 5.11 programs count against the limit of locked memory, which is often tiny. The container
    // does not inherit this: its limits are set later.
    const rlimit unlimited{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    if (::setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0) fd = load(program, {});
    if (!fd) errno = EPERM;
  }
  if (fd) return fd;
  const int why = errno;
  // Once more for the verifier's words; without a log buffer it is faster, and it nearly always succeeds.
  char log[4096] = "";
  if (why == EINVAL || why == EACCES || why == E2BIG) (void)load(program, log);
  std::string words(log);
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return sys_error_of(why, "load the device filter ({} instructions){}{}", program.size(),
                      words.empty() ? "" : ": the kernel's verifier says: ", words);
}

// Ids of the programs attached to this group itself.
Result<std::vector<std::uint32_t>> attached_programs(int cgroup) {
  std::vector<std::uint32_t> ids(64);  // BPF_CGROUP_MAX_PROGS
  bpf_attr attributes{};
  attributes.query.target_fd = static_cast<__u32>(cgroup);
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = address_of(ids.data());
  attributes.query.prog_cnt = static_cast<__u32>(ids.size());
  if (bpf(BPF_PROG_QUERY, attributes) < 0) return sys_error("list the cgroup's device filters");
  ids.resize(attributes.query.prog_cnt);
  return ids;
}

Result<UniqueFd> open_program(std::uint32_t id) {
  bpf_attr attributes{};
  attributes.prog_id = id;
  UniqueFd fd(static_cast<int>(bpf(BPF_PROG_GET_FD_BY_ID, attributes)));
  if (!fd) return sys_error("open device filter {}", id);
  return fd;
}

bool attach(int cgroup, int program, std::uint32_t flags, int replaced = 0) {
  bpf_attr attributes{};
  attributes.target_fd = static_cast<__u32>(cgroup);
  attributes.attach_bpf_fd = static_cast<__u32>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = flags;
  attributes.replace_bpf_fd = static_cast<__u32>(replaced);
  return bpf(BPF_PROG_ATTACH, attributes) == 0;
}

}  // namespace

std::string to_text(const DeviceRule& rule) {
  if (rule.type == DeviceType::All) return "a *:* rwm";
  const auto number = [](std::optional<std::uint32_t> n) {
    return n ? std::to_string(*n) : std::string("*");
  };
  return fmt::format("{} {}:{} {}{}{}", rule.type == DeviceType::Block ? 'b' : 'c', number(rule.major),
                     number(rule.minor), rule.access & kRead ? "r" : "", rule.access & kWrite ? "w" : "",
                     rule.access & kMknod ? "m" : "");
}

std::vector<bpf_insn> device_filter(std::span<const DeviceRule> rules) {
  // struct bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor; }, access_type being
  // (access << 16) | type. From the last rule to the first, kAccess holds what has not been granted yet.
  std::vector<bpf_insn> program = {
      load_word(kType, 0),           load_word(kAccess, 0), operate(BPF_AND, kType, 0xffff),
      operate(BPF_RSH, kAccess, 16), load_word(kMajor, 4),  load_word(kMinor, 8),
  };
  bool otherwise = false;
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    if (rule->type == DeviceType::All) {
      otherwise = rule->allow;  // it matches everything, so no earlier rule is ever asked
      break;
    }
    std::vector<bpf_insn> block;
    const bpf_insn tests[] = {
        jump_if(BPF_JNE, kType, rule->type == DeviceType::Block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR,
                0),
        jump_if(BPF_JNE, kMajor, rule->major.value_or(0), 0),
        jump_if(BPF_JNE, kMinor, rule->minor.value_or(0), 0),
    };
    block.push_back(tests[0]);
    if (rule->major) block.push_back(tests[1]);
    if (rule->minor) block.push_back(tests[2]);
    const std::size_t tests_size = block.size();
    if (rule->allow) {
      block.push_back(operate(BPF_AND, kAccess, kAllAccess & ~rule->access));
      block.push_back(jump_if(BPF_JNE, kAccess, 0, 2));
      block.push_back(operate(BPF_MOV, kR0, 1));
      block.push_back(kReturn);
    } else {
      block.push_back(move(kScratch, kAccess));
      block.push_back(operate(BPF_AND, kScratch, rule->access));
      block.push_back(jump_if(BPF_JEQ, kScratch, 0, 2));
      block.push_back(operate(BPF_MOV, kR0, 0));
      block.push_back(kReturn);
    }
    for (std::size_t i = 0; i < tests_size; ++i) block[i].off = static_cast<__s16>(block.size() - i - 1);
    program.insert(program.end(), block.begin(), block.end());
  }
  program.push_back(operate(BPF_MOV, kR0, otherwise ? 1 : 0));
  program.push_back(kReturn);
  return program;
}

Result<void> attach_device_filter(int cgroup, std::span<const bpf_insn> program, Attached before) {
  const UniqueFd filter = TRY(load_program(program));
  std::vector<UniqueFd> old;
  if (before == Attached::Replace) {
    for (const std::uint32_t id : TRY(attached_programs(cgroup))) {
      auto opened = open_program(id);
      // A security module may keep it from us. It stays, and can only forbid more.
      if (!opened && (opened.error().errno_value() == EPERM || opened.error().errno_value() == EACCES))
        continue;
      old.push_back(TRY(std::move(opened)));
    }
  }
  if (old.size() == 1) {
    // BPF_F_REPLACE is of Linux 5.6, and only for programs that were attached with BPF_F_ALLOW_MULTI.
    if (attach(cgroup, filter.get(), BPF_F_ALLOW_MULTI | BPF_F_REPLACE, old[0].get())) return {};
    if (errno != EINVAL && errno != EPERM) return sys_error("replace the cgroup's device filter");
  }
  // All attached programs have to agree, so between these steps the answer is the stricter one.
  if (!attach(cgroup, filter.get(), BPF_F_ALLOW_MULTI))
    return sys_error("attach the device filter to the cgroup");
  for (const UniqueFd& fd : old) {
    bpf_attr attributes{};
    attributes.target_fd = static_cast<__u32>(cgroup);
    attributes.attach_bpf_fd = static_cast<__u32>(fd.get());
    attributes.attach_type = BPF_CGROUP_DEVICE;
    if (bpf(BPF_PROG_DETACH, attributes) < 0) return sys_error("detach the cgroup's old device filter");
  }
  return {};
}

}  // namespace gantry::kernel
