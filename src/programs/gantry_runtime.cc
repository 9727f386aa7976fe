// SPDX-License-Identifier: Apache-2.0
//
// One static program with three names: gantry-runtime, gantry-shim and
// gantry-init. The init is also mounted into containers under the names that
// engines give theirs.
#include <algorithm>
#include <array>
#include <string_view>

#include "runtime/cli/command.h"
#include "runtime/init/init.h"
#include "runtime/shim/shim.h"

namespace {

constexpr std::array<std::string_view, 6> kInitNames = {"gantry-init", "docker-init", "podman-init",
                                                        "catatonit",   "tini",        "init"};

std::string_view base_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc > 0 ? base_name(argv[0]) : "";
  if (std::ranges::find(kInitNames, name) != kInitNames.end()) return gantry::init::init_main(argc, argv);
  if (name == "gantry-shim") return gantry::shim::shim_main(argc, argv);
  return gantry::runtime::runtime_main(argc, argv);
}
