// SPDX-License-Identifier: Apache-2.0
#include "kernel/id_map.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "kernel/capabilities.h"
#include "kernel/namespaces.h"

namespace gantry::kernel {
namespace {

std::string as_text(const std::vector<IdRange>& ranges) {
  std::string text;
  for (const IdRange& range : ranges)
    fmt::format_to(std::back_inserter(text), "{} {} {}\n", range.inside, range.outside, range.size);
  return text;
}

bool is_only(const std::vector<IdRange>& ranges, std::uint32_t id) {
  return ranges.size() == 1 && ranges[0].size == 1 && ranges[0].outside == id;
}

Result<void> run_helper(const char* helper, pid_t pid, const std::vector<IdRange>& ranges) {
  std::vector<std::string> words = {helper, std::to_string(pid)};
  for (const IdRange& range : ranges) {
    words.push_back(std::to_string(range.inside));
    words.push_back(std::to_string(range.outside));
    words.push_back(std::to_string(range.size));
  }
  ChildProcess child = TRY_DURING(spawn({.program = helper, .arguments = std::move(words)}),
                                  "map several ids as an ordinary user, by package uidmap");
  if (!TRY(child.wait()).is_success())
    return error(Code::PermissionDenied, "'{}' refused the id map: do /etc/subuid and /etc/subgid allow it?",
                 helper);
  return {};
}

Result<void> write_map(pid_t pid, const char* file, const std::vector<IdRange>& ranges) {
  return write_existing_at(AT_FDCWD, fmt::format("/proc/{}/{}", pid, file), as_text(ranges));
}

}  // namespace

const IdRange* find_range(const std::vector<IdRange>& ranges, std::uint32_t inside) {
  for (const IdRange& range : ranges)
    if (inside >= range.inside && inside - range.inside < range.size) return &range;
  return nullptr;
}

Result<void> write_id_maps(pid_t pid, const IdMaps& maps) {
  const CapabilityMask effective = TRY(effective_capabilities());
  const auto has = [&](unsigned number) { return (effective & capability_bit(number)) != 0; };
  if (!maps.gids.empty()) {
    if (has(CAP_SETGID)) {
      TRY(write_map(pid, "gid_map", maps.gids));
    } else if (is_only(maps.gids, ::getegid())) {
      // user_namespaces(7): a process without CAP_SETGID has to deny setgroups(2) first.
      TRY(write_existing_at(AT_FDCWD, fmt::format("/proc/{}/setgroups", pid), "deny"));
      TRY(write_map(pid, "gid_map", maps.gids));
    } else {
      TRY(run_helper("newgidmap", pid, maps.gids));
    }
  }
  if (!maps.uids.empty()) {
    if (has(CAP_SETUID) || is_only(maps.uids, ::geteuid()))
      TRY(write_map(pid, "uid_map", maps.uids));
    else
      TRY(run_helper("newuidmap", pid, maps.uids));
  }
  return {};
}

Result<UniqueFd> make_user_namespace(const IdMaps& maps) {
  int gate[2];
  if (::pipe2(gate, O_CLOEXEC) < 0) return sys_error("make pipe");
  UniqueFd read_end(gate[0]), write_end(gate[1]);
  const pid_t child = TRY(clone_process({.flags = CLONE_NEWUSER}));
  if (child == 0) {
    // Lives until the parent has the namespace open, or has died.
    write_end.reset();
    char byte;
    (void)!::read(read_end.get(), &byte, 1);
    ::_exit(0);
  }
  const ChildProcess holder(child);  // ends with this function: a descriptor is enough for the namespace
  TRY(write_id_maps(child, maps));
  return open_namespace(fmt::format("/proc/{}/ns/user", child), CLONE_NEWUSER);
}

}  // namespace gantry::kernel
