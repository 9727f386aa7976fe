// SPDX-License-Identifier: Apache-2.0
//
// A registry that listens: what `gantry registry serve` and the registry role of gantryd run.
//
//   auto server = TRY(RegistryServer::start(TRY(Config::load(path)), store, log));
//   for (const std::string& address : server->addresses()) ...   // "127.0.0.1:5000", "unix:/run/x.sock"
//   server->stop(10s);
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "image/image_store.h"
#include "registry/config.h"

namespace gantry::registry {

class RegistryServer {
 public:
  // Takes requests when it returns. `store` and `log` outlive it.
  static Result<std::unique_ptr<RegistryServer>> start(Config config, image::ImageStore& store,
                                                       const Logger& log);
  RegistryServer(const RegistryServer&) = delete;
  RegistryServer& operator=(const RegistryServer&) = delete;
  ~RegistryServer();  // stop(0)

  std::vector<std::string> addresses() const;

  // For SIGHUP: opens the access log anew and reads the certificate again. What cannot be read is an error,
  // and stays as it was. Accounts need no reload: the file is looked at when somebody logs in.
  Result<void> reload();

  // Lets running requests finish for as long as `grace`. An upload that was cut can be continued after a
  // restart.
  void stop(std::chrono::milliseconds grace);

 private:
  class Impl;
  explicit RegistryServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::registry
