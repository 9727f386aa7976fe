// SPDX-License-Identifier: Apache-2.0
//
// gantry cluster: the Kubernetes API.
#include "cli/cluster.h"

#include <unistd.h>

#include <array>
#include <climits>

#include <fmt/format.h>

#include "cli/groups.h"

namespace gantry::cli {
namespace {

// The daemon has the server: it stands beside this program, and else in the path.
Result<std::string> daemon_program() {
  std::array<char, PATH_MAX> self{};
  const ssize_t size = ::readlink("/proc/self/exe", self.data(), self.size());
  if (size < 0) return sys_error("read /proc/self/exe");
  const std::string_view path(self.data(), static_cast<std::size_t>(size));
  std::string beside = fmt::format("{}/gantryd", path.substr(0, path.rfind('/')));
  return ::access(beside.c_str(), X_OK) == 0 ? beside : std::string("gantryd");
}

// Becomes the daemon: it is whom signals and the service manager are for.
Result<int> serve(Context&, const Verb&, std::string_view, std::span<const std::string> arguments) {
  const std::string program = TRY(daemon_program());
  std::vector<const char*> words = {program.c_str(), "server"};
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  words.push_back(nullptr);
  ::execvp(program.c_str(), const_cast<char**>(words.data()));
  return sys_error("run '{}'", program);
}

}  // namespace

const Verb kServer = {
    .name = "server",
    .operands = "[OPTIONS]",
    .count = {0, kAny},
    .summary = "Serve the Kubernetes API; --help shows its options",
    .order = Operands::EndTheOptions,
    .run = serve,
    .with_options = [](std::string (*render)(std::span<const Option>)) { return render({}); }};

std::span<const Verb> cluster_verbs() {
  static const std::array kVerbs = {kServer};
  return kVerbs;
}

}  // namespace gantry::cli
