// SPDX-License-Identifier: Apache-2.0
//
// Which daemon the command speaks to, and how: by options, else by the variables that docker's users have
// set.
//
//   DOCKER_HOST         the daemon, after -H and GANTRY_HOST
//   DOCKER_TLS          not empty: --tls;  DOCKER_TLS_VERIFY: --tlsverify
//   DOCKER_CERT_PATH    directory of ca.pem, cert.pem and key.pem (else DOCKER_CONFIG, else ~/.docker)
//   DOCKER_CONTEXT      contexts are docker's own: any but "default" is an error, unless -H says where to go
#pragma once

#include <string>

#include "base/error.h"
#include "cli/command.h"

namespace gantry::cli {

struct DaemonAddress {
  std::string host;
  TlsFiles tls;
};

// `host` empty: no option says. InvalidArgument for a context.
Result<DaemonAddress> find_daemon(const std::string& host, TlsFiles tls);

// Whether a verb that the store and the daemon can both do is the daemon's: somebody has named another one
// than this host's own, and not where the store is.
bool means_daemon(const Context& context);

// Where the store is if nobody says.
std::string default_root();

// Where docker's users keep their settings: DOCKER_CONFIG, else ~/.docker.
std::string docker_config_directory();

}  // namespace gantry::cli
