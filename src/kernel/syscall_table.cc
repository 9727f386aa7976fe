// SPDX-License-Identifier: Apache-2.0
#include "kernel/syscall_table.h"

#include <algorithm>

namespace gantry::kernel {
namespace {

// The rows as written: seen by the compiler alone. What the program carries are the two arrays made
// from them, names as offsets into one text: pointers would have to be relocated at every start.
struct Row {
  std::string_view name;
  std::int32_t numbers[kSyscallArchCount];
};

constexpr std::int32_t _ = SyscallEntry::kAbsent;
constexpr Row kRows[] = {
#include "kernel/syscall_table.inc"
};
constexpr std::size_t kCount = std::size(kRows);
static_assert(std::ranges::is_sorted(kRows, {}, &Row::name));

// include/uapi/linux/net.h (SYS_SOCKET ...) and ipc.h (SEMOP ...).
struct MultiplexedRow {
  std::string_view name;
  Multiplexer multiplexer;
  std::uint8_t call;
};
constexpr MultiplexedRow kMultiplexed[] = {
    {"socket", Multiplexer::SocketCall, 1},
    {"bind", Multiplexer::SocketCall, 2},
    {"connect", Multiplexer::SocketCall, 3},
    {"listen", Multiplexer::SocketCall, 4},
    {"accept", Multiplexer::SocketCall, 5},
    {"getsockname", Multiplexer::SocketCall, 6},
    {"getpeername", Multiplexer::SocketCall, 7},
    {"socketpair", Multiplexer::SocketCall, 8},
    {"send", Multiplexer::SocketCall, 9},
    {"recv", Multiplexer::SocketCall, 10},
    {"sendto", Multiplexer::SocketCall, 11},
    {"recvfrom", Multiplexer::SocketCall, 12},
    {"shutdown", Multiplexer::SocketCall, 13},
    {"setsockopt", Multiplexer::SocketCall, 14},
    {"getsockopt", Multiplexer::SocketCall, 15},
    {"sendmsg", Multiplexer::SocketCall, 16},
    {"recvmsg", Multiplexer::SocketCall, 17},
    {"accept4", Multiplexer::SocketCall, 18},
    {"recvmmsg", Multiplexer::SocketCall, 19},
    {"sendmmsg", Multiplexer::SocketCall, 20},
    {"semop", Multiplexer::Ipc, 1},
    {"semget", Multiplexer::Ipc, 2},
    {"semctl", Multiplexer::Ipc, 3},
    {"semtimedop", Multiplexer::Ipc, 4},
    {"msgsnd", Multiplexer::Ipc, 11},
    {"msgrcv", Multiplexer::Ipc, 12},
    {"msgget", Multiplexer::Ipc, 13},
    {"msgctl", Multiplexer::Ipc, 14},
    {"shmat", Multiplexer::Ipc, 21},
    {"shmdt", Multiplexer::Ipc, 22},
    {"shmget", Multiplexer::Ipc, 23},
    {"shmctl", Multiplexer::Ipc, 24},
};
static_assert(std::ranges::all_of(kMultiplexed, [](const MultiplexedRow& multiplexed) {
  return std::ranges::binary_search(kRows, multiplexed.name, {}, &Row::name);
}));

consteval std::size_t text_size() {
  std::size_t size = 0;
  for (const Row& row : kRows) size += row.name.size();
  return size;
}

consteval std::array<char, text_size()> make_text() {
  std::array<char, text_size()> text{};
  auto end = text.begin();
  for (const Row& row : kRows) end = std::ranges::copy(row.name, end).out;
  return text;
}

// One more than there are rows: a name ends where the next one begins.
consteval std::array<SyscallEntry, kCount + 1> make_entries() {
  std::array<SyscallEntry, kCount + 1> entries{};
  std::size_t offset = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    entries[i].name_offset = static_cast<std::uint16_t>(offset);
    std::ranges::copy(kRows[i].numbers, entries[i].numbers.begin());
    std::int32_t& x32 = entries[i].numbers[static_cast<std::size_t>(SyscallArch::X32)];
    if (x32 != SyscallEntry::kAbsent) x32 |= kX32Bit;
    for (const MultiplexedRow& multiplexed : kMultiplexed)
      if (multiplexed.name == kRows[i].name) {
        entries[i].multiplexer = multiplexed.multiplexer;
        entries[i].multiplexed_call = multiplexed.call;
      }
    offset += kRows[i].name.size();
  }
  entries[kCount].name_offset = static_cast<std::uint16_t>(offset);
  return entries;
}

// FNV-1a.
constexpr std::uint32_t hash_of(std::string_view name) {
  std::uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash ^ hash >> 16;
}

// Indices of entries by the hash of their names; who finds a place taken takes the next free one.
constexpr std::uint16_t kFree = UINT16_MAX;
constexpr std::size_t kPlaceCount = 1024;
static_assert(kCount <= kPlaceCount / 2);

consteval std::array<std::uint16_t, kPlaceCount> make_places() {
  std::array<std::uint16_t, kPlaceCount> places;
  places.fill(kFree);
  for (std::size_t i = 0; i < kCount; ++i) {
    std::size_t place = hash_of(kRows[i].name) % kPlaceCount;
    while (places[place] != kFree) place = (place + 1) % kPlaceCount;
    places[place] = static_cast<std::uint16_t>(i);
  }
  return places;
}

static_assert(text_size() <= UINT16_MAX);
constexpr std::array kText = make_text();
constexpr std::array kEntries = make_entries();
constexpr std::array kEntryAt = make_places();

}  // namespace

std::string_view syscall_name(const SyscallEntry& entry) {
  const SyscallEntry* next = &entry + 1;
  return {kText.data() + entry.name_offset, static_cast<std::size_t>(next->name_offset - entry.name_offset)};
}

std::size_t syscall_count() { return kCount; }

const SyscallEntry& syscall_at(std::size_t index) { return kEntries[index]; }

const SyscallEntry* find_syscall(std::string_view name) {
  for (std::size_t place = hash_of(name) % kPlaceCount; kEntryAt[place] != kFree;
       place = (place + 1) % kPlaceCount) {
    const SyscallEntry& entry = kEntries[kEntryAt[place]];
    if (syscall_name(entry) == name) return &entry;
  }
  return nullptr;
}

}  // namespace gantry::kernel
