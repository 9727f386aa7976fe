// SPDX-License-Identifier: Apache-2.0
//
// gantry rootless.
#include "cli/rootless.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "cli/groups.h"
#include "kernel/namespaces.h"
#include "kernel/rootless.h"

namespace gantry::cli {

Result<Owners> become_root_inside() {
  if (::geteuid() == 0) return Owners::Kept;
  const kernel::IdMaps maps = TRY(kernel::own_id_maps());
  TRY(kernel::enter_own_namespaces(maps, CLONE_NEWNS));
  return kernel::has_one_id(maps) ? Owners::Lost : Owners::Kept;
}

namespace {

// The command takes this process's place, so its end is ours.
Result<int> enter(Context& context, const NoOptions&, const Words& words) {
  if (::geteuid() == 0)
    return error(Code::InvalidArgument, "you are root already, and need no namespaces to mount in");
  TRY(become_root_inside());
  // Root's place is elsewhere; gantry has to find the user's store there too.
  if (::setenv("GANTRY_ROOT", context.root.c_str(), 1) < 0) return sys_error("set GANTRY_ROOT");
  Words command = words;
  if (command.empty()) {
    const char* shell = std::getenv("SHELL");
    command.emplace_back(shell != nullptr && *shell != '\0' ? shell : "/bin/sh");
  }
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  return sys_error("run '{}'", command[0]);
}

Result<int> show_maps(Context&, const NoOptions&, const Words&) {
  const kernel::IdMaps maps = TRY(kernel::own_id_maps());
  std::string text;
  const auto add = [&](std::string_view kind, const std::vector<kernel::IdRange>& ranges) {
    for (const kernel::IdRange& range : ranges)
      text += fmt::format("{} {} {} {}\n", kind, range.inside, range.outside, range.size);
  };
  add("uid", maps.uids);
  add("gid", maps.gids);
  TRY(print(text));
  return 0;
}

constexpr std::array kVerbs = {
    make_verb<NoOptions, enter>("enter", "[COMMAND [ARGUMENT...]]", {0, kAny},
                                "Run a command (or your shell) where the mounts of gantry and your ids are",
                                Operands::EndTheOptions),
    make_verb<NoOptions, show_maps>("ids", "", {0, 0},
                                    "Show which ids an image's files can have: inside, outside, how many"),
};

}  // namespace

std::span<const Verb> rootless_verbs() { return kVerbs; }

}  // namespace gantry::cli
