// SPDX-License-Identifier: Apache-2.0
#include "cli/daemon_address.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

namespace gantry::cli {
namespace {

constexpr std::string_view kOwnDaemon = "unix:///run/gantry/gantry.sock";

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets variables
  return value == nullptr ? "" : value;
}

// What is not named is taken from the directory, if it is there.
void find_files(TlsFiles& tls) {
  const std::string named = variable("DOCKER_CERT_PATH");
  const std::string directory = named.empty() ? docker_config_directory() : named;
  const auto find = [&](std::string& file, const char* name) {
    std::string usual = directory + "/" + name;
    if (file.empty() && ::access(usual.c_str(), F_OK) == 0) file = std::move(usual);
  };
  find(tls.authority, "ca.pem");
  find(tls.certificate, "cert.pem");
  find(tls.key, "key.pem");
}

// docker ignores its context where a host is named, too.
Result<void> check_context() {
  const std::string context = variable("DOCKER_CONTEXT");
  if (context.empty() || context == "default") return {};
  return error(Code::InvalidArgument,
               "DOCKER_CONTEXT is '{}', and contexts of docker are not read here: name the daemon by -H or "
               "DOCKER_HOST, and its certificates by DOCKER_CERT_PATH",
               context);
}

}  // namespace

std::string docker_config_directory() {
  if (std::string directory = variable("DOCKER_CONFIG"); !directory.empty()) return directory;
  return variable("HOME") + "/.docker";
}

Result<DaemonAddress> find_daemon(const std::string& host, TlsFiles tls) {
  DaemonAddress daemon{.host = host, .tls = std::move(tls)};
  for (const char* name : {"GANTRY_HOST", "DOCKER_HOST"})
    if (daemon.host.empty()) daemon.host = variable(name);
  if (daemon.host.empty()) {
    TRY(check_context());
    daemon.host = kOwnDaemon;
  }
  daemon.tls.verify = daemon.tls.verify || !variable("DOCKER_TLS_VERIFY").empty();
  daemon.tls.is_on = daemon.tls.is_on || daemon.tls.verify || !variable("DOCKER_TLS").empty();
  if (daemon.tls.is_on) find_files(daemon.tls);
  return daemon;
}

bool means_daemon(const Context& context) {
  return context.host != kOwnDaemon && context.root == default_root();
}

std::string default_root() {
  if (const char* root = std::getenv("GANTRY_ROOT"); root != nullptr && *root != '\0') return root;
  if (::geteuid() == 0) return "/var/lib/gantry";
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/')
    return fmt::format("{}/gantry", data);
  const char* home = std::getenv("HOME");
  return fmt::format("{}/.local/share/gantry", home == nullptr ? "" : home);
}

}  // namespace gantry::cli
