// SPDX-License-Identifier: Apache-2.0
//
// From the top: the words of the specification; the profile as rules sorted by call number; the
// assembler, which writes a program from its end to its beginning; the compiler, which turns the
// rules of every architecture into ranges of numbers with one outcome, and those into a search tree.
#include "runtime/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <compare>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "base/printable.h"
#include "kernel/seccomp.h"
#include "kernel/syscall_table.h"
#include "oci/words.h"

namespace gantry::runtime {
namespace {

using kernel::SyscallArch;

// ---- Words of the specification

template <class Value>
struct Word {
  std::string_view name;
  Value value;
};

template <class Value, std::size_t kSize>
std::optional<Value> find(const Word<Value> (&words)[kSize], std::string_view name) {
  for (const Word<Value>& word : words)
    if (word.name == name) return word.value;
  return std::nullopt;
}

// Whether these are all of the specification's words, in its order.
template <class Value, std::size_t kSize>
consteval bool are_all_of(std::span<const std::string_view> known, const Word<Value> (&words)[kSize]) {
  return std::ranges::equal(known, words, {}, {}, &Word<Value>::name);
}

constexpr Word<std::uint32_t> kActions[] = {
    {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
    {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
    {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
    {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
    {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
    {"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF},
    {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
    {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
};
static_assert(are_all_of(oci::kSeccompActions, kActions));

enum class Compare : std::uint8_t {
  Equal,
  NotEqual,
  Less,
  LessOrEqual,
  Greater,
  GreaterOrEqual,
  MaskedEqual
};

constexpr Word<Compare> kOperators[] = {
    {"SCMP_CMP_EQ", Compare::Equal},    {"SCMP_CMP_GE", Compare::GreaterOrEqual},
    {"SCMP_CMP_GT", Compare::Greater},  {"SCMP_CMP_LE", Compare::LessOrEqual},
    {"SCMP_CMP_LT", Compare::Less},     {"SCMP_CMP_MASKED_EQ", Compare::MaskedEqual},
    {"SCMP_CMP_NE", Compare::NotEqual},
};
static_assert(are_all_of(oci::kSeccompOperators, kOperators));

constexpr Word<unsigned> kFlags[] = {
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};
static_assert(are_all_of(oci::kSeccompFlags, kFlags));

// Those of machines that we run on.
constexpr Word<SyscallArch> kArchitectures[] = {
    {"SCMP_ARCH_AARCH64", SyscallArch::Aarch64}, {"SCMP_ARCH_ARM", SyscallArch::Arm},
    {"SCMP_ARCH_RISCV64", SyscallArch::Riscv64}, {"SCMP_ARCH_X32", SyscallArch::X32},
    {"SCMP_ARCH_X86", SyscallArch::X86},         {"SCMP_ARCH_X86_64", SyscallArch::X86_64},
};

// ---- The profile

// A run of call numbers, up to the next one of the same audit_arch (what the kernel tells the filter).
// An architecture's own one is the first of its machine.
struct NumberSpace {
  Machine machine;
  SyscallArch arch;
  bool wide;  // arguments have 64 bits; otherwise the low 32 are compared
  std::uint32_t audit_arch;
  std::uint32_t first;
};
constexpr NumberSpace kNumberSpaces[] = {
    {Machine::X86_64, SyscallArch::X86_64, true, AUDIT_ARCH_X86_64, 0},
    {Machine::X86_64, SyscallArch::X32, false, AUDIT_ARCH_X86_64, kernel::kX32Bit},
    {Machine::X86_64, SyscallArch::X86, false, AUDIT_ARCH_I386, 0},
    {Machine::Aarch64, SyscallArch::Aarch64, true, AUDIT_ARCH_AARCH64, 0},
    {Machine::Aarch64, SyscallArch::Arm, false, AUDIT_ARCH_ARM, 0},
    // Apart, so that a rule for cacheflush does not make every number below it look known.
    {Machine::Aarch64, SyscallArch::Arm, false, AUDIT_ARCH_ARM, kernel::kArmPrivateCalls},
    {Machine::Riscv64, SyscallArch::Riscv64, true, AUDIT_ARCH_RISCV64, 0},
};

std::span<const NumberSpace> spaces_of(Machine machine) {
  const auto [begin, end] = std::ranges::equal_range(kNumberSpaces, machine, {}, &NumberSpace::machine);
  return {begin, end};
}

// (argument & mask) compared with value, which has no bit outside the mask.
struct Condition {
  std::uint32_t argument;
  Compare compare;  // not MaskedEqual: that is Equal with a mask
  std::uint64_t mask;
  std::uint64_t value;

  auto operator<=>(const Condition&) const = default;
};
using Conditions = std::vector<Condition>;  // all of them; ordered by argument, each at most once

struct Rule {
  std::uint32_t action;  // as the filter returns it
  Conditions conditions;
  std::size_t origin;  // index in linux.seccomp.syscalls
  bool approximate;    // stands for conditions that cannot be asked
};

// What the profile says of one number: the index of a rule, or kNoRule if only that it is known.
using RuleId = std::uint32_t;
constexpr RuleId kNoRule = std::numeric_limits<RuleId>::max();
struct Ruling {
  std::uint32_t number;
  RuleId rule;
};
// Of one architecture. Far more than a program of 4096 instructions can have; names times conditions can
// grow with the square of a profile's size.
constexpr std::size_t kMostRulings = 1 << 16;

struct Profile {
  std::uint32_t default_action = SECCOMP_RET_KILL_PROCESS;
  std::vector<Rule> rules;  // in the order of the profile
  // By architecture, sorted; empty and disabled if the profile does not list it.
  struct Architecture {
    bool enabled = false;
    std::vector<Ruling> rulings;
  };
  std::array<Architecture, kernel::kSyscallArchCount> architectures;

  Architecture& at(SyscallArch arch) { return architectures[static_cast<std::size_t>(arch)]; }
  const Architecture& at(SyscallArch arch) const { return architectures[static_cast<std::size_t>(arch)]; }
};

Result<std::uint32_t> parse_action(const std::string& name, const std::optional<std::uint32_t>& errno_ret,
                                   const std::string& field, std::string_view errno_field) {
  const std::optional<std::uint32_t> action = find(kActions, name);
  if (!action) return error(Code::InvalidArgument, "{}: unknown action '{}'", field, printable(name));
  const bool has_data = *action == SECCOMP_RET_ERRNO || *action == SECCOMP_RET_TRACE;
  if (!has_data && errno_ret)
    return error(Code::InvalidArgument, "{}: {} does not return an errno", errno_field, name);
  if (!has_data) return *action;
  // The kernel cuts an errno to 4095 (MAX_ERRNO); a tracer gets 16 bits.
  const std::uint32_t limit = *action == SECCOMP_RET_ERRNO ? 4095 : SECCOMP_RET_DATA;
  const std::uint32_t data = errno_ret.value_or(EPERM);
  if (data > limit)
    return error(Code::InvalidArgument, "{}: must be at most {} for {}, is {}", errno_field, limit, name,
                 data);
  return *action | data;
}

Result<Condition> parse_condition(const oci::SyscallArg& argument, const std::string& field) {
  if (argument.index > 5)
    return error(Code::InvalidArgument, "{}.index: a system call has arguments 0 to 5, is {}", field,
                 argument.index);
  const std::optional<Compare> compare = find(kOperators, argument.op);
  if (!compare)
    return error(Code::InvalidArgument, "{}.op: unknown operator '{}'", field, printable(argument.op));
  if (*compare == Compare::MaskedEqual)
    return Condition{argument.index, Compare::Equal, argument.value, argument.value_two & argument.value};
  return Condition{argument.index, *compare, std::numeric_limits<std::uint64_t>::max(), argument.value};
}

// The alternatives, each a list of conditions, that an entry's `args` make.
Result<std::vector<Conditions>> parse_arguments(const std::vector<oci::SyscallArg>& arguments,
                                                const std::string& field) {
  Conditions all;
  for (std::size_t i = 0; i < arguments.size(); ++i)
    all.push_back(TRY(parse_condition(arguments[i], fmt::format("{}[{}]", field, i))));

  std::vector<Conditions> alternatives;
  Conditions sorted = all;
  std::ranges::sort(sorted, {}, &Condition::argument);
  if (std::ranges::adjacent_find(sorted, {}, &Condition::argument) == sorted.end())
    alternatives.push_back(std::move(sorted));
  else
    for (const Condition& condition : all) alternatives.push_back({condition});
  return alternatives;
}

Result<unsigned> parse_flags(const oci::Seccomp& seccomp, bool has_notify) {
  if (!seccomp.flags) return SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  unsigned flags = 0;
  for (std::size_t i = 0; i < seccomp.flags->size(); ++i) {
    const std::optional<unsigned> flag = find(kFlags, (*seccomp.flags)[i]);
    if (!flag)
      return error(Code::InvalidArgument, "linux.seccomp.flags[{}]: unknown flag '{}'", i,
                   printable((*seccomp.flags)[i]));
    if (*flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !has_notify)
      return error(Code::InvalidArgument, "linux.seccomp.flags[{}]: {} needs a rule with SCMP_ACT_NOTIFY", i,
                   (*seccomp.flags)[i]);
    flags |= *flag;
  }
  return flags;
}

// The one condition under which socketcall(2) or ipc(2) is the call that it stands for.
Condition is_multiplexed(const kernel::SyscallEntry& call) {
  // ipc(2) has a version of the call's arguments in the upper half (ipc/syscall.c).
  const std::uint64_t mask = call.multiplexer == kernel::Multiplexer::Ipc ? 0xffff : UINT32_MAX;
  return {.argument = 0, .compare = Compare::Equal, .mask = mask, .value = call.multiplexed_call};
}

class ProfileReader {
 public:
  ProfileReader(const oci::Seccomp& seccomp, Machine machine) : seccomp_(seccomp), machine_(machine) {}

  Result<void> read();

  Profile profile;
  bool has_notify = false;
  std::vector<std::string> unknown_syscalls;

 private:
  Result<void> read_default_action();
  Result<void> read_architectures();
  Result<void> read_entry(std::size_t index);
  Result<void> rule_on(const kernel::SyscallEntry& call, std::span<const RuleId> rules);
  RuleId add_rule(Rule rule) {
    profile.rules.push_back(std::move(rule));
    return static_cast<RuleId>(profile.rules.size() - 1);
  }

  const oci::Seccomp& seccomp_;
  const Machine machine_;
};

Result<void> ProfileReader::read_default_action() {
  profile.default_action = TRY(parse_action(seccomp_.default_action, seccomp_.default_errno_ret,
                                            "linux.seccomp.defaultAction", "linux.seccomp.defaultErrnoRet"));
  // Among all calls is the one by which the runtime hands the listener over.
  if (profile.default_action == SECCOMP_RET_USER_NOTIF)
    return error(Code::InvalidArgument, "linux.seccomp.defaultAction: must not be SCMP_ACT_NOTIFY");
  return {};
}

Result<void> ProfileReader::read_architectures() {
  const std::span<const NumberSpace> spaces = spaces_of(machine_);
  profile.at(spaces.front().arch).enabled = true;
  for (std::size_t i = 0; i < seccomp_.architectures.size(); ++i) {
    const auto arch = find(kArchitectures, seccomp_.architectures[i]);
    if (!arch && std::ranges::find(oci::kSeccompArchitectures, seccomp_.architectures[i]) ==
                     std::end(oci::kSeccompArchitectures))
      return error(Code::InvalidArgument, "linux.seccomp.architectures[{}]: unknown architecture '{}'", i,
                   printable(seccomp_.architectures[i]));
    if (arch && std::ranges::find(spaces, *arch, &NumberSpace::arch) != spaces.end())
      profile.at(*arch).enabled = true;
  }
  return {};
}

Result<void> ProfileReader::read_entry(std::size_t index) {
  const oci::Syscall& entry = seccomp_.syscalls[index];
  const std::string field = fmt::format("linux.seccomp.syscalls[{}]", index);
  const std::uint32_t action =
      TRY(parse_action(entry.action, entry.errno_ret, field + ".action", field + ".errnoRet"));
  std::vector<Conditions> alternatives = TRY(parse_arguments(entry.args, field + ".args"));

  if (action == SECCOMP_RET_USER_NOTIF) {
    has_notify = true;
    if (std::ranges::find(entry.names, "sendmsg") != entry.names.end())
      return error(Code::InvalidArgument,
                   "{}: SCMP_ACT_NOTIFY cannot be used for 'sendmsg', by which the listener is handed over",
                   field);
  }

  std::vector<RuleId> rules;
  if (action == profile.default_action)
    rules.push_back(kNoRule);
  else
    for (Conditions& conditions : alternatives)
      rules.push_back(add_rule({action, std::move(conditions), index, false}));

  for (std::size_t i = 0; i < entry.names.size(); ++i) {
    const std::string& name = entry.names[i];
    if (name.empty()) return error(Code::InvalidArgument, "{}.names[{}]: must not be empty", field, i);
    if (const kernel::SyscallEntry* call = kernel::find_syscall(name))
      TRY(rule_on(*call, rules));
    else
      unknown_syscalls.push_back(name);
  }
  return {};
}

Result<void> ProfileReader::rule_on(const kernel::SyscallEntry& call, std::span<const RuleId> rules) {
  for (std::size_t i = 0; i < kernel::kSyscallArchCount; ++i) {
    Profile::Architecture& architecture = profile.architectures[i];
    const std::int32_t number = call.numbers[i];
    if (!architecture.enabled || number == kernel::SyscallEntry::kAbsent) continue;
    if (architecture.rulings.size() + rules.size() > kMostRulings)
      return error(Code::InvalidArgument, "linux.seccomp.syscalls: more than {} rules in all", kMostRulings);
    for (const RuleId rule : rules)
      architecture.rulings.push_back({static_cast<std::uint32_t>(number), rule});
  }

  Profile::Architecture& x86 = profile.at(SyscallArch::X86);
  if (!x86.enabled || call.multiplexer == kernel::Multiplexer::None || rules.front() == kNoRule) return {};
  const std::string_view multiplexer =
      call.multiplexer == kernel::Multiplexer::SocketCall ? "socketcall" : "ipc";
  const std::int32_t number = kernel::find_syscall(multiplexer)->number(SyscallArch::X86);
  const Rule& rule = profile.rules[rules.front()];
  const RuleId multiplexed = add_rule({rule.action, {is_multiplexed(call)}, rule.origin, true});
  x86.rulings.push_back({static_cast<std::uint32_t>(number), multiplexed});
  return {};
}

Result<void> ProfileReader::read() {
  TRY(read_default_action());
  TRY(read_architectures());
  std::size_t names = 0;
  for (const oci::Syscall& entry : seccomp_.syscalls) names += entry.names.size();
  for (Profile::Architecture& architecture : profile.architectures)
    if (architecture.enabled) architecture.rulings.reserve(std::min(names, kMostRulings));
  for (std::size_t i = 0; i < seccomp_.syscalls.size(); ++i) TRY(read_entry(i));
  // By number, then in the order of the profile; as one integer that takes half the time.
  const auto key = [](const Ruling& ruling) { return std::uint64_t{ruling.number} << 32 | ruling.rule; };
  for (Profile::Architecture& architecture : profile.architectures)
    std::ranges::sort(architecture.rulings, {}, key);

  std::ranges::sort(unknown_syscalls);
  const auto repeated = std::ranges::unique(unknown_syscalls);
  unknown_syscalls.erase(repeated.begin(), repeated.end());
  return {};
}

// ---- The assembler

// Writes a program backwards: jumps lead only forward, so wherever one leads has been written.
// A label counts instructions from the end of the program; the newest instruction's is the greatest.
class Assembler {
 public:
  using Label = std::size_t;

  // A return of `value`: one that is there and near, or a new one.
  Label ret(std::uint32_t value);
  // accumulator = word at `offset` of seccomp_data; then what was written last.
  Label load(std::size_t offset) {
    return write(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }
  Label mask(std::uint32_t bits) { return write(BPF_ALU | BPF_AND | BPF_K, bits); }
  // comparison: BPF_JEQ, BPF_JGT or BPF_JGE of the accumulator with `value`.
  Label jump_if(std::uint16_t comparison, std::uint32_t value, Label yes, Label no);

  std::size_t size() const { return reversed_.size(); }
  std::vector<sock_filter> take() {
    std::ranges::reverse(reversed_);
    return std::move(reversed_);
  }

 private:
  static constexpr std::size_t kFarthest = 255;  // what a conditional jump can skip

  // How many instructions lie between `label` and the one to be written next.
  std::size_t distance(Label label) const { return reversed_.size() - label; }
  const sock_filter& at(Label label) const { return reversed_[label - 1]; }
  Label near(Label label, std::size_t farthest);
  Label write(std::uint16_t code, std::uint32_t k, std::size_t yes = 0, std::size_t no = 0) {
    reversed_.push_back({code, static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), k});
    return reversed_.size();
  }

  std::vector<sock_filter> reversed_;
  // The newest return of each value.
  struct Return {
    std::uint32_t value;
    Label label;
  };
  std::vector<Return> returns_;
};

Assembler::Label Assembler::ret(std::uint32_t value) {
  auto found = std::ranges::find(returns_, value, &Return::value);
  if (found == returns_.end()) found = returns_.insert(found, {value, 0});
  // One less than the farthest: the other side of the jump may need an instruction in between.
  if (found->label == 0 || distance(found->label) >= kFarthest) found->label = write(BPF_RET | BPF_K, value);
  return found->label;
}

// A label within reach of the next instruction that has the effect of the given one.
Assembler::Label Assembler::near(Label label, std::size_t farthest) {
  if (distance(label) <= farthest) return label;
  if (at(label).code == (BPF_RET | BPF_K)) return ret(at(label).k);
  return write(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance(label)));
}

Assembler::Label Assembler::jump_if(std::uint16_t comparison, std::uint32_t value, Label yes, Label no) {
  yes = near(yes, kFarthest - 1);
  no = near(no, kFarthest);
  return write(BPF_JMP | BPF_K | comparison, value, distance(yes), distance(no));
}

// ---- The compiler

// In which order conditions of different rules are asked, if both may hold and their actions differ:
// conditions on later arguments first, then equalities before ranges, then greater lower bounds and
// smaller upper bounds. This is libseccomp's order (its _db_chain_lt), which profiles rely on.
int precedence_of(Compare compare) {
  switch (compare) {
    case Compare::Equal:
    case Compare::NotEqual:
    case Compare::MaskedEqual: return 0;
    case Compare::Less:
    case Compare::LessOrEqual: return 1;
    case Compare::Greater:
    case Compare::GreaterOrEqual: return 2;
  }
  std::unreachable();
}

bool is_asked_before(const Condition& a, const Condition& b) {
  if (a.argument != b.argument) return a.argument > b.argument;
  const int precedence = precedence_of(a.compare);
  if (precedence != precedence_of(b.compare)) return precedence < precedence_of(b.compare);
  return precedence == 1 ? a.value < b.value : a.value > b.value;
}

// The kernel's order of actions (seccomp(2)): the lesser, the stricter.
bool is_stricter(std::uint32_t a, std::uint32_t b) {
  const auto rank = [](std::uint32_t action) {
    return static_cast<std::int32_t>(action & SECCOMP_RET_ACTION_FULL);
  };
  return rank(a) < rank(b);
}

constexpr std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
constexpr std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

static_assert(std::endian::native == std::endian::little);
constexpr std::size_t offset_of_low(std::uint32_t argument) {
  return offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t);
}
constexpr std::size_t offset_of_high(std::uint32_t argument) { return offset_of_low(argument) + 4; }

// The conditions as arguments of that width have them; those that always hold are left out.
Conditions at_width(Conditions conditions, bool wide) {
  if (!wide)
    for (Condition& condition : conditions) {
      condition.mask = low(condition.mask);
      condition.value = low(condition.value);
    }
  std::erase_if(conditions, [](const Condition& condition) { return condition.mask == 0; });
  return conditions;
}

// Rules for one call, all with conditions, into the order in which they are asked, each condition once.
Result<void> put_in_order(std::vector<Rule>& rules) {
  if (rules.size() < 2) return {};
  std::ranges::sort(rules, [](const Rule& a, const Rule& b) {
    return std::tie(a.conditions, a.origin) < std::tie(b.conditions, b.origin);
  });
  std::size_t kept = 0;
  for (std::size_t i = 1; i < rules.size(); ++i) {
    Rule& last = rules[kept];
    if (rules[i].conditions != last.conditions) {
      ++kept;
      if (kept != i) rules[kept] = std::move(rules[i]);
    } else if (rules[i].action != last.action && !last.approximate && !rules[i].approximate) {
      return error(Code::InvalidArgument,
                   "linux.seccomp.syscalls[{}]: has the same conditions on a call as syscalls[{}], "
                   "but another action",
                   rules[i].origin, last.origin);
    } else if (is_stricter(rules[i].action, last.action)) {
      last.action = rules[i].action;
    }
  }
  rules.resize(kept + 1);
  std::ranges::sort(rules, [](const Rule& a, const Rule& b) {
    const auto asked_before = [](const Rule& one, const Rule& other) {
      return std::ranges::lexicographical_compare(one.conditions, other.conditions, is_asked_before);
    };
    return asked_before(a, b) || (!asked_before(b, a) && a.origin < b.origin);
  });
  return {};
}

class Compiler {
 public:
  explicit Compiler(const Profile& profile) : profile_(profile) {}

  Result<std::vector<sock_filter>> compile(Machine machine);

 private:
  using Label = Assembler::Label;
  // What happens at a call. Equal outcomes are one, so that numbers that share it form ranges.
  struct Outcome {
    std::uint32_t action = 0;    // if no rule's conditions hold
    std::vector<RuleId> ids;     // of the rules, which make it what it is
    bool wide = false;           // how the rules compare
    std::vector<Rule> rules;     // in the order in which they are asked
    std::optional<Label> label;  // once it is in the program
  };
  using OutcomeId = std::size_t;
  // Of call numbers, up to the first of the next range.
  struct Range {
    std::uint32_t first;
    OutcomeId outcome;
  };

  Result<std::vector<Range>> ranges_of(std::span<const NumberSpace> spaces);
  Result<OutcomeId> outcome_of(std::span<const Ruling> rulings, bool wide);
  OutcomeId outcome_of(std::uint32_t action);

  Label write_tree(std::span<const Range> ranges);
  Label write_outcome(OutcomeId id);
  Label write_rules(const Outcome& outcome);
  Label write_condition(const Condition& condition, bool wide, Label yes, Label no);

  const Profile& profile_;
  std::vector<Outcome> outcomes_;
  Assembler assembler_;
};

Compiler::OutcomeId Compiler::outcome_of(std::uint32_t action) {
  for (OutcomeId id = 0; id < outcomes_.size(); ++id)
    if (outcomes_[id].action == action && outcomes_[id].ids.empty()) return id;
  outcomes_.push_back({.action = action});
  return outcomes_.size() - 1;
}

// `rulings`: all on one number.
Result<Compiler::OutcomeId> Compiler::outcome_of(std::span<const Ruling> rulings, bool wide) {
  std::vector<RuleId> ids;
  for (const Ruling& ruling : rulings) {
    if (ruling.rule == kNoRule) continue;
    const Rule& rule = profile_.rules[ruling.rule];
    if (at_width(rule.conditions, wide).empty()) return outcome_of(rule.action);
    ids.push_back(ruling.rule);
  }
  if (ids.empty()) return outcome_of(profile_.default_action);

  for (OutcomeId id = 0; id < outcomes_.size(); ++id)
    if (outcomes_[id].wide == wide && outcomes_[id].ids == ids) return id;
  std::vector<Rule> rules;
  for (const RuleId id : ids) {
    rules.push_back(profile_.rules[id]);
    rules.back().conditions = at_width(std::move(rules.back().conditions), wide);
  }
  TRY(put_in_order(rules));
  outcomes_.push_back({profile_.default_action, std::move(ids), wide, std::move(rules), std::nullopt});
  return outcomes_.size() - 1;
}

// `spaces`: all of one audit_arch.
Result<std::vector<Compiler::Range>> Compiler::ranges_of(std::span<const NumberSpace> spaces) {
  std::vector<Range> ranges;
  const auto add = [&](std::uint32_t first, OutcomeId outcome) {
    if (ranges.empty() || ranges.back().outcome != outcome) ranges.push_back({first, outcome});
  };
  // A default action that lets calls through lets new ones through, too (for TRACE the tracer decides).
  const std::uint32_t default_action = profile_.default_action & SECCOMP_RET_ACTION_FULL;
  const bool default_denies = default_action != SECCOMP_RET_ALLOW && default_action != SECCOMP_RET_LOG &&
                              default_action != SECCOMP_RET_TRACE;

  for (std::size_t i = 0; i < spaces.size(); ++i) {
    const NumberSpace& space = spaces[i];
    const Profile::Architecture& architecture = profile_.at(space.arch);
    if (!architecture.enabled) {
      add(space.first, outcome_of(SECCOMP_RET_KILL_PROCESS));
      continue;
    }
    const auto from = [&](std::uint32_t number) {
      return std::ranges::lower_bound(architecture.rulings, number, {}, &Ruling::number);
    };
    const auto end = i + 1 < spaces.size() ? from(spaces[i + 1].first) : architecture.rulings.end();
    const OutcomeId not_named = outcome_of(profile_.default_action);

    std::uint32_t next = space.first;
    for (auto ruling = from(space.first); ruling != end;) {
      const std::uint32_t number = ruling->number;
      const auto group_end =
          std::find_if(ruling, end, [number](const Ruling& other) { return other.number != number; });
      if (number > next) add(next, not_named);
      add(number, TRY(outcome_of(std::span(ruling, group_end), space.wide)));
      next = number + 1;
      ruling = group_end;
    }
    const bool names_some = next > space.first;
    add(next, names_some && default_denies ? outcome_of(SECCOMP_RET_ERRNO | ENOSYS) : not_named);
  }
  return ranges;
}

Result<std::vector<sock_filter>> Compiler::compile(Machine machine) {
  struct Part {
    std::uint32_t audit_arch;
    Label label;
  };
  std::vector<Part> parts;
  for (std::span<const NumberSpace> rest = spaces_of(machine); !rest.empty();) {
    const std::uint32_t audit_arch = rest.front().audit_arch;
    const auto end =
        std::ranges::find_if(rest, [=](const NumberSpace& space) { return space.audit_arch != audit_arch; });
    const std::span<const NumberSpace> spaces(rest.begin(), end);
    rest = {end, rest.end()};
    const std::vector<Range> ranges = TRY(ranges_of(spaces));
    const Label tree = write_tree(ranges);
    // Where every number has the same outcome, none is asked for.
    parts.push_back({audit_arch, ranges.size() == 1 ? tree : assembler_.load(offsetof(seccomp_data, nr))});
  }

  // The machine's own architecture is the first part, so it is asked for first.
  Label rest = assembler_.ret(SECCOMP_RET_KILL_PROCESS);
  std::ranges::reverse(parts);
  for (const Part& part : parts) rest = assembler_.jump_if(BPF_JEQ, part.audit_arch, part.label, rest);
  assembler_.load(offsetof(seccomp_data, arch));

  if (assembler_.size() > BPF_MAXINSNS)
    return error(Code::InvalidArgument,
                 "linux.seccomp: the profile needs {} instructions of filter, the kernel takes at most {}",
                 assembler_.size(), BPF_MAXINSNS);
  return assembler_.take();
}

Compiler::Label Compiler::write_tree(std::span<const Range> ranges) {
  if (ranges.size() == 1) return write_outcome(ranges[0].outcome);
  // One number that differs from its surroundings takes one comparison, not two.
  if (ranges.size() == 3 && ranges[0].outcome == ranges[2].outcome &&
      ranges[2].first - ranges[1].first == 1) {
    const Label surroundings = write_outcome(ranges[0].outcome);
    return assembler_.jump_if(BPF_JEQ, ranges[1].first, write_outcome(ranges[1].outcome), surroundings);
  }
  const std::size_t middle = ranges.size() / 2;
  const Label upper = write_tree(ranges.subspan(middle));
  const Label lower = write_tree(ranges.first(middle));
  return assembler_.jump_if(BPF_JGE, ranges[middle].first, upper, lower);
}

Compiler::Label Compiler::write_outcome(OutcomeId id) {
  Outcome& outcome = outcomes_[id];
  if (outcome.rules.empty()) return assembler_.ret(outcome.action);
  if (!outcome.label) outcome.label = write_rules(outcome);
  return *outcome.label;
}

Compiler::Label Compiler::write_rules(const Outcome& outcome) {
  Label otherwise = assembler_.ret(outcome.action);
  for (auto rule = outcome.rules.rbegin(); rule != outcome.rules.rend(); ++rule) {
    Label holds = assembler_.ret(rule->action);
    for (auto condition = rule->conditions.rbegin(); condition != rule->conditions.rend(); ++condition)
      holds = write_condition(*condition, outcome.wide, holds, otherwise);
    otherwise = holds;
  }
  return otherwise;
}

Compiler::Label Compiler::write_condition(const Condition& condition, bool wide, Label yes, Label no) {
  const auto& [argument, compare, mask, value] = condition;
  switch (compare) {
    case Compare::NotEqual: std::swap(yes, no); [[fallthrough]];
    case Compare::Equal: {
      const auto equal = [&](std::size_t offset, std::uint32_t mask_word, std::uint32_t value_word) {
        if (mask_word == 0) return yes;
        assembler_.jump_if(BPF_JEQ, value_word, yes, no);
        if (mask_word != UINT32_MAX) assembler_.mask(mask_word);
        return assembler_.load(offset);
      };
      yes = equal(offset_of_low(argument), low(mask), low(value));
      return wide ? equal(offset_of_high(argument), high(mask), high(value)) : yes;
    }
    case Compare::Less:
    case Compare::LessOrEqual: std::swap(yes, no); [[fallthrough]];
    case Compare::Greater:
    case Compare::GreaterOrEqual: {
      const bool or_equal = compare == Compare::GreaterOrEqual || compare == Compare::Less;
      assembler_.jump_if(or_equal ? BPF_JGE : BPF_JGT, low(value), yes, no);
      const Label compare_low = assembler_.load(offset_of_low(argument));
      if (!wide) return compare_low;
      const Label not_greater = assembler_.jump_if(BPF_JEQ, high(value), compare_low, no);
      assembler_.jump_if(BPF_JGT, high(value), yes, not_greater);
      return assembler_.load(offset_of_high(argument));
    }
    case Compare::MaskedEqual: break;  // read as Equal
  }
  std::unreachable();
}

}  // namespace

Result<SeccompFilter> compile_seccomp(const oci::Seccomp& seccomp, Machine machine) {
  ProfileReader reader(seccomp, machine);
  TRY(reader.read());
  SeccompFilter filter;
  filter.flags = TRY(parse_flags(seccomp, reader.has_notify));
  filter.has_notify = reader.has_notify;
  filter.unknown_syscalls = std::move(reader.unknown_syscalls);
  if (filter.has_notify && seccomp.listener_path.empty())
    return error(Code::InvalidArgument, "linux.seccomp.listenerPath: SCMP_ACT_NOTIFY needs a listener");
  if (!seccomp.listener_metadata.empty() && seccomp.listener_path.empty())
    return error(Code::InvalidArgument, "linux.seccomp.listenerMetadata: needs listenerPath");
  if (filter.has_notify) {
    filter.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // Both make seccomp(2) return a number, unless TSYNC is told to fail with ESRCH.
    if (filter.flags & SECCOMP_FILTER_FLAG_TSYNC) filter.flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
  }
  filter.program = TRY(Compiler(reader.profile).compile(machine));
  return filter;
}

std::vector<std::string_view> supported_seccomp_flags() {
  std::vector<std::string_view> names;
  for (const Word<unsigned>& flag : kFlags)
    if (kernel::has_seccomp_flag(flag.value)) names.push_back(flag.name);
  return names;
}

}  // namespace gantry::runtime
