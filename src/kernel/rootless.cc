// SPDX-License-Identifier: Apache-2.0
#include "kernel/rootless.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <unistd.h>

#include <charconv>
#include <string>

#include "base/file.h"
#include "base/process.h"
#include "base/unique_fd.h"
#include "kernel/namespaces.h"

namespace gantry::kernel {
namespace {

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || stopped != end) return std::nullopt;
  return number;
}

// What stands before the separator, which goes with it.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return part;
}

// Empty if the user has none: then only the number counts.
std::string name_of_user(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16 << 10);
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return "";
  return entry.pw_name;
}

Result<std::vector<IdRange>> granted(const std::string& path, std::string_view name, uid_t uid) {
  Result<std::string> file = read_file(path);
  if (file) return subordinate_ids(*file, name, uid);
  if (file.error().code() == Code::NotFound) return std::vector<IdRange>();
  return std::move(file).error();
}

// The child's side of enter_own_namespaces(): waits for the word, writes the maps, answers with the code of
// an error and its sentence, or with nothing.
[[noreturn]] void write_maps_when_told(int gate, int answer, pid_t pid, const IdMaps& maps) {
  char byte;
  if (::read(gate, &byte, 1) == 1) {
    const Result<void> written = write_id_maps(pid, maps);
    if (!written)
      (void)write_all(answer, static_cast<char>(written.error().code()) + written.error().message(), "pipe");
  }
  ::_exit(0);
}

struct Pipe {
  UniqueFd read_end, write_end;

  static Result<Pipe> make() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return sys_error("make pipe");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  }
};

}  // namespace

std::vector<IdRange> subordinate_ids(std::string_view file, std::string_view name, uid_t id) {
  std::vector<IdRange> ranges;
  std::uint32_t inside = 1;
  while (!file.empty()) {
    std::string_view line = take_until(file, '\n');
    const std::string_view user = take_until(line, ':');
    const auto first = number_of(take_until(line, ':')), count = number_of(line);
    const bool is_meant = (!name.empty() && user == name) || number_of(user) == id;
    if (!is_meant || !first || !count || *count == 0) continue;
    if (*count > UINT32_MAX - inside || *count > UINT32_MAX - *first) continue;
    ranges.push_back({.inside = inside, .outside = *first, .size = *count});
    inside += *count;
  }
  return ranges;
}

Result<IdMaps> own_id_maps() {
  const uid_t uid = ::geteuid();
  IdMaps maps{.uids = {{.inside = 0, .outside = uid, .size = 1}},
              .gids = {{.inside = 0, .outside = ::getegid(), .size = 1}}};
  const std::string name = name_of_user(uid);
  const std::vector<IdRange> uids = TRY(granted("/etc/subuid", name, uid));
  const std::vector<IdRange> gids = TRY(granted("/etc/subgid", name, uid));
  if (uids.empty() || gids.empty()) return maps;
  maps.uids.insert(maps.uids.end(), uids.begin(), uids.end());
  maps.gids.insert(maps.gids.end(), gids.begin(), gids.end());
  return maps;
}

bool has_one_id(const IdMaps& maps) { return maps.uids.size() == 1 && maps.uids[0].size == 1; }

Result<void> enter_own_namespaces(const IdMaps& maps, std::uint64_t flags) {
  // The maps are written by a process that stays outside: only there newuidmap(1) is set-uid root.
  Pipe gate = TRY(Pipe::make()), answer = TRY(Pipe::make());
  const pid_t self = ::getpid();
  const pid_t child = TRY(clone_process({}));
  if (child == 0) {
    gate.write_end.reset();
    write_maps_when_told(gate.read_end.get(), answer.write_end.get(), self, maps);
  }
  ChildProcess writer(child);
  answer.write_end.reset();
  TRY_DURING(
      unshare_namespaces(CLONE_NEWUSER),
      "become root inside, which sysctls user.max_user_namespaces and kernel.unprivileged_userns_clone "
      "can forbid");
  TRY(unshare_namespaces(flags));
  TRY(write_all(gate.write_end.get(), "!", "pipe"));
  const std::string failure = TRY(read_all(answer.read_end.get(), "pipe"));
  (void)TRY(writer.wait());
  if (!failure.empty()) return Error(static_cast<Code>(failure[0]), 0, failure.substr(1));
  return {};
}

}  // namespace gantry::kernel
