// SPDX-License-Identifier: Apache-2.0
#include "cli/builder.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace gantry::cli {

std::string build_run_directory() {
  const char* user_run = std::getenv("XDG_RUNTIME_DIR");
  return ::geteuid() == 0 || user_run == nullptr ? "/run/gantry" : std::string(user_run) + "/gantry";
}

Result<build::Builder> open_builder(const Context& context, Store& store, image::Registries* registries,
                                    build::RunNetworks* networks) {
  // Beside this program, where it was built or installed; else found by its name.
  std::string runtime = "gantry-runtime";
  char path[4096];
  if (const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path); size > 0) {
    const std::string own(path, static_cast<std::size_t>(size));
    const std::string beside = own.substr(0, own.rfind('/') + 1) + runtime;
    if (::access(beside.c_str(), X_OK) == 0) runtime = beside;
  }
  return build::Builder::open({.root = context.root,
                               .run = build_run_directory(),
                               .images = store.images.get(),
                               .snapshots = store.snapshots.get(),
                               .registries = registries,
                               .networks = networks,
                               .runtime = runtime});
}

}  // namespace gantry::cli
