// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/notify_socket.h"

#include <sys/stat.h>

#include <cstdlib>

namespace gantry::runtime::cli {

void offer_notify_socket(oci::Spec& spec) {
  constexpr const char* kInside = "/run/notify/notify.sock";
  const char* path = std::getenv("NOTIFY_SOCKET");
  struct stat st{};
  if (!spec.process || path == nullptr || path[0] != '/' || ::stat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
    return;
  spec.mounts.push_back({.destination = kInside,
                         .type = "bind",
                         .source = path,
                         .options = {"bind", "nosuid", "noexec", "nodev", "ro"}});
  spec.process->env.push_back(std::string("NOTIFY_SOCKET=") + kInside);
}

}  // namespace gantry::runtime::cli
