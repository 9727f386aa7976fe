// SPDX-License-Identifier: Apache-2.0
//
// Keeps what is served in step with the CustomResourceDefinitions: when one comes or changes its resources
// are served, its status says so, and when it goes its objects go first
// (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/).
//
//   CustomResources custom({cache, objects, address, log});
//   chain.add(custom.plugin());
//   custom.start(verbs);              // those that are there are served when it returns
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "kube/admission/admission.h"
#include "kube/api/object_source.h"
#include "kube/control_plane/custom_kinds.h"
#include "kube/control_plane/reconciler.h"
#include "kube/http/served.h"
#include "kube/server/verbs.h"
#include "kube/storage/object_cache.h"

namespace gantry::kube {

class CustomResources {
 public:
  struct Parts {
    ObjectCache& cache;
    ObjectSource& objects;
    const ServiceRouter& services;
    std::string address;  // of this server, for discovery
    const Logger& log;
  };
  // All parts outlive it.
  explicit CustomResources(const Parts& parts);
  CustomResources(const CustomResources&) = delete;
  CustomResources& operator=(const CustomResources&) = delete;

  CurrentlyServed& served() { return served_; }
  // Checks definitions, and custom objects by their rules. Borrows this.
  std::unique_ptr<admission::Plugin> plugin();
  // `verbs` outlives it.
  void start(const Verbs& verbs);

 private:
  bool bring_up_to_date();
  void serve(CustomKinds::Kinds kinds);
  bool settle(const json::Tree& definition, bool has_its_names);
  bool remove_objects(const json::Tree& definition);
  Answer<void> write(const json::Tree& definition, std::string_view subresource) const;

  const Parts parts_;
  CustomKinds kinds_;
  CurrentlyServed served_;
  CustomKinds::Kinds served_kinds_;  // of whoever brings it up to date: start(), then the reconciler's thread
  const Verbs* verbs_ = nullptr;     // from start() on

  std::unique_ptr<Reconciler> reconciler_;  // last: its thread uses all of the above
};

}  // namespace gantry::kube
