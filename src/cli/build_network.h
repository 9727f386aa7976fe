// SPDX-License-Identifier: Apache-2.0
//
// The network of RUN where this command builds by itself: one bridge for one build, that nobody else is on,
// and a network namespace for every RUN, as a container of the daemon has it. Made when the first RUN needs
// it, so a build of which all steps are cached makes none.
//
// What it has on the host is recorded below `run`, under a lock that ends with this process: what a killed
// build has left is removed by the next open().
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/unique_fd.h"
#include "build/builder.h"
#include "network/networks.h"

namespace gantry::cli {

class BuildNetwork final : public build::RunNetworks {
 public:
  // `run` dies with the host, as the bridge does. The logger outlives this.
  static Result<std::unique_ptr<BuildNetwork>> open(const std::string& run, const Logger& log);
  ~BuildNetwork() override;

  // `network` is empty: there is no other. NotFound.
  Result<Sandbox> make(const std::string& key, const std::string& network, int owner) override;
  void remove(const std::string& key) override;

 private:
  BuildNetwork(std::string parent, const Logger& log) : parent_(std::move(parent)), log_(log) {}
  Result<network::Networks*> networks();

  const std::string parent_;
  const Logger& log_;
  Mutex mutex_;  // guards what follows
  std::string directory_ GUARDED_BY(mutex_);
  UniqueFd lock_ GUARDED_BY(mutex_);
  std::unique_ptr<network::Networks> networks_ GUARDED_BY(mutex_);
};

}  // namespace gantry::cli
