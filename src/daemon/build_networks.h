// SPDX-License-Identifier: Apache-2.0
//
// Networks for the RUN instructions of builds: a sandbox each, as containers have.
#pragma once

#include <string>

#include "build/builder.h"
#include "network/networks.h"

namespace gantry::daemon {

class BuildNetworks final : public build::RunNetworks {
 public:
  // Borrowed.
  explicit BuildNetworks(network::Networks& networks) : networks_(networks) {}
  Result<Sandbox> make(const std::string& key, const std::string& network, int owner) override;
  void remove(const std::string& key) override;

 private:
  network::Networks& networks_;
};

}  // namespace gantry::daemon
