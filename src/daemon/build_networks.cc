// SPDX-License-Identifier: Apache-2.0
#include "daemon/build_networks.h"

#include "network/resolv_conf.h"
#include "network/resolver_config.h"

namespace gantry::daemon {

Result<build::RunNetworks::Sandbox> BuildNetworks::make(const std::string& key, const std::string& network,
                                                        int owner) {
  const std::string name = network.empty() || network == "default" ? "bridge" : network;
  Sandbox sandbox{.path = TRY(networks_.make_sandbox(key, {.user_namespace = owner}))};
  if (auto connected = networks_.connect(key, name, {.container_name = key}); !connected) {
    (void)networks_.remove_sandbox(key);  // what is left goes at the next start
    return std::move(connected).error();
  }
  const auto source = name == "bridge" ? network::NameSource::Upstream : network::NameSource::NameService;
  sandbox.resolv_conf = network::resolv_conf_text(source, TRY(network::read_host_resolver_config()), {});
  return sandbox;
}

void BuildNetworks::remove(const std::string& key) {
  (void)networks_.remove_sandbox(key);  // what is left goes at the next start
}

}  // namespace gantry::daemon
