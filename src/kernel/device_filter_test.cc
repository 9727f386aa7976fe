// SPDX-License-Identifier: Apache-2.0
#include "kernel/device_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/cgroup.h"
#include "kernel/namespaces.h"
#include "testing/must.h"

namespace gantry::kernel {
namespace {

// The few instructions that a device filter consists of, run here, so that its decisions can be tested as any
// user.
bool run(std::span<const bpf_insn> program, std::uint32_t type, std::uint32_t access, std::uint32_t major,
         std::uint32_t minor) {
  const std::uint32_t context[] = {access << 16 | type, major, minor};
  std::uint64_t r[11] = {};
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const bpf_insn& i = program[pc];
    const auto value = static_cast<std::uint32_t>(i.imm);
    const auto low = static_cast<std::uint32_t>(r[i.dst_reg]);
    switch (i.code) {
      case BPF_LDX | BPF_W | BPF_MEM: r[i.dst_reg] = context[i.off / 4]; break;
      case BPF_ALU64 | BPF_MOV | BPF_X: r[i.dst_reg] = r[i.src_reg]; break;
      case BPF_ALU | BPF_MOV | BPF_K: r[i.dst_reg] = value; break;
      case BPF_ALU | BPF_AND | BPF_K: r[i.dst_reg] = low & value; break;
      case BPF_ALU | BPF_RSH | BPF_K: r[i.dst_reg] = low >> value; break;
      case BPF_JMP32 | BPF_JNE | BPF_K: pc += low != value ? i.off : 0; break;
      case BPF_JMP32 | BPF_JEQ | BPF_K: pc += low == value ? i.off : 0; break;
      case BPF_JMP | BPF_EXIT: return r[0] != 0;
      default:
        ADD_FAILURE() << "instruction " << pc << " has code " << static_cast<int>(i.code);
        return false;
    }
  }
  ADD_FAILURE() << "the program runs off its end";
  return false;
}

bool may(const std::vector<DeviceRule>& rules, char type, std::uint8_t access, std::uint32_t major,
         std::uint32_t minor) {
  return run(device_filter(rules), type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, access, major,
             minor);
}

DeviceRule rule(bool allow, DeviceType type, std::optional<std::uint32_t> major,
                std::optional<std::uint32_t> minor, std::uint8_t access = kAllAccess) {
  return {allow, type, major, minor, access};
}

TEST(DeviceFilter, without_a_rule_nothing_is_allowed) { EXPECT_FALSE(may({}, 'c', kRead, 1, 3)); }

TEST(DeviceFilter, a_rule_for_all_allows_everything) {
  EXPECT_TRUE(may({{.allow = true}}, 'b', kAllAccess, 8, 0));
  EXPECT_FALSE(may({{.allow = true}, {.allow = false}}, 'b', kRead, 8, 0));
}

TEST(DeviceFilter, the_last_match_decides) {
  const std::vector<DeviceRule> rules = {rule(true, DeviceType::Char, {}, {}),
                                         rule(false, DeviceType::Char, 10, {}),
                                         rule(true, DeviceType::Char, 10, 200)};
  EXPECT_TRUE(may(rules, 'c', kRead, 1, 3));
  EXPECT_FALSE(may(rules, 'c', kRead, 10, 1));
  EXPECT_TRUE(may(rules, 'c', kRead, 10, 200));
  EXPECT_FALSE(may(rules, 'b', kRead, 10, 200));
}

TEST(DeviceFilter, every_kind_of_access_is_decided_by_itself) {
  const std::vector<DeviceRule> rules = {rule(true, DeviceType::Char, 1, 3),
                                         rule(false, DeviceType::Char, {}, 3, kWrite)};
  EXPECT_TRUE(may(rules, 'c', kRead, 1, 3));
  EXPECT_TRUE(may(rules, 'c', kRead | kMknod, 1, 3));
  EXPECT_FALSE(may(rules, 'c', kWrite, 1, 3));
  EXPECT_FALSE(may(rules, 'c', kRead | kWrite, 1, 3));
  // Two rules may grant together what neither grants alone.
  const std::vector<DeviceRule> two = {rule(true, DeviceType::Char, 1, {}, kRead),
                                       rule(true, DeviceType::Char, {}, 3, kWrite)};
  EXPECT_TRUE(may(two, 'c', kRead | kWrite, 1, 3));
  EXPECT_FALSE(may(two, 'c', kRead | kWrite, 1, 4));
}

TEST(DeviceFilter, one_denied_among_all_allowed) {
  const std::vector<DeviceRule> rules = {{.allow = true},
                                         rule(false, DeviceType::Block, 8, 0, kRead | kWrite)};
  EXPECT_FALSE(may(rules, 'b', kRead, 8, 0));
  EXPECT_FALSE(may(rules, 'b', kWrite | kMknod, 8, 0));
  EXPECT_TRUE(may(rules, 'b', kMknod, 8, 0));
  EXPECT_TRUE(may(rules, 'b', kRead, 8, 1));
}

TEST(DeviceFilter, numbers_use_all_32_bits) {
  const std::vector<DeviceRule> rules = {rule(true, DeviceType::Char, 0xffffffff, 0x80000000)};
  EXPECT_TRUE(may(rules, 'c', kRead, 0xffffffff, 0x80000000));
  EXPECT_FALSE(may(rules, 'c', kRead, 0xffffffff, 0));
}

TEST(DeviceFilter, the_kernel_accepts_it_and_obeys_and_an_update_replaces_it) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
  const CgroupLayout layout = MUST(CgroupLayout::read());
  if (layout.v2() == nullptr) GTEST_SKIP() << "no cgroup v2 is mounted";
  Cgroup cgroup = MUST(Cgroup::create(
      {.places = {{"", layout.v2()->mount + "/gantry-device-test-" + std::to_string(::getpid()),
                   layout.v2()->mount.size()}}}));
  const auto opens = [&](const char* path, int flags) {
    MUST(cgroup.prepare_join());
    const pid_t pid = MUST(clone_process({.cgroup = cgroup.into_cgroup_fd()}));
    if (pid == 0) ::_exit(::open(path, flags) >= 0 ? 0 : errno);
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status) == 0;
  };
  const auto attach = [&](const std::vector<DeviceRule>& rules, Attached before) {
    return attach_device_filter(cgroup.into_cgroup_fd(), device_filter(rules), before);
  };
  EXPECT_TRUE(opens("/dev/zero", O_RDONLY));
  if (auto attached = attach({rule(true, DeviceType::Char, 1, 3)}, Attached::Nothing); !attached) {
    if (attached.error().code() == Code::PermissionDenied || attached.error().code() == Code::Unsupported)
      GTEST_SKIP() << attached.error().message();
    FAIL() << attached.error().message();
  }
  EXPECT_TRUE(opens("/dev/null", O_RDWR));
  EXPECT_FALSE(opens("/dev/zero", O_RDONLY));
  MUST(attach({rule(true, DeviceType::Char, 1, 5, kRead)}, Attached::Replace));
  EXPECT_FALSE(opens("/dev/null", O_RDWR));
  EXPECT_TRUE(opens("/dev/zero", O_RDONLY));
  EXPECT_FALSE(opens("/dev/zero", O_RDWR));
  // A second one, as systemd attaches: both would have to agree, and afterwards only ours is there.
  MUST(attach({}, Attached::Nothing));
  EXPECT_FALSE(opens("/dev/zero", O_RDONLY));
  MUST(attach({{.allow = true}}, Attached::Replace));
  EXPECT_TRUE(opens("/dev/zero", O_RDWR));
}

TEST(DeviceFilter, a_program_that_the_verifier_refuses_comes_back_with_its_words) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
  const std::vector<bpf_insn> endless = {{.code = BPF_JMP | BPF_JA, .off = -1}, {.code = BPF_JMP | BPF_EXIT}};
  const auto attached = attach_device_filter(-1, endless, Attached::Nothing);
  ASSERT_FALSE(attached);
  if (attached.error().errno_value() == EPERM) GTEST_SKIP() << attached.error().message();
  EXPECT_NE(attached.error().message().find("verifier says: "), std::string::npos)
      << attached.error().message();
}

}  // namespace
}  // namespace gantry::kernel
