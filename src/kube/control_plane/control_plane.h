// SPDX-License-Identifier: Apache-2.0
//
// A whole Kubernetes control plane's API in one process: store, cache, identities, access and the server on
// its port.
//
//   auto plane = TRY(ControlPlane::start(options, log));       // takes requests when it returns
//   say(plane->address(), plane->admin_kubeconfig());
//   plane->stop(10s);
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "kube/control_plane/options.h"

namespace gantry::kube {

class ControlPlane {
 public:
  // `log` outlives it.
  static Result<std::unique_ptr<ControlPlane>> start(const ControlPlaneOptions& options, const Logger& log);
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;
  ~ControlPlane();

  std::string address() const;  // "0.0.0.0:6443"
  std::string admin_kubeconfig() const;

  // Certificates that are about to expire are made anew and used from now on.
  Result<void> renew_certificates();
  // Takes no more requests, lets those that run finish for as long as `grace`; watches are cut.
  void stop(std::chrono::milliseconds grace);

 private:
  class Impl;
  explicit ControlPlane(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::kube
