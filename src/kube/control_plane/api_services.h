// SPDX-License-Identifier: Apache-2.0
//
// Keeps what is known of other API servers in step with the APIServices, their services and what they answer;
// writes the condition Available; and makes the APIServices of what is served here.
//
//   ApiServices services({...});
//   services.start(verbs);
#pragma once

#include <memory>

#include "kube/aggregation/aggregated_apis.h"
#include "kube/api/object_source.h"
#include "kube/control_plane/reconciler.h"
#include "kube/http/served.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

class ApiServices {
 public:
  struct Parts {
    ObjectSource& objects;
    AggregatedApis& apis;
    CurrentlyServed& served;
  };
  // All parts outlive it.
  explicit ApiServices(const Parts& parts) : parts_(parts) {}
  ApiServices(const ApiServices&) = delete;
  ApiServices& operator=(const ApiServices&) = delete;
  ~ApiServices() { parts_.served.set_on_change({}); }

  // `verbs` outlives it.
  void start(const Verbs& verbs);

 private:
  bool bring_up_to_date(const Verbs& verbs);
  bool keep_local(const Verbs& verbs);
  bool write_conditions(const Verbs& verbs, const std::vector<AggregatedApis::Verdict>& verdicts);

  const Parts parts_;
  std::unique_ptr<Reconciler> reconciler_;
};

}  // namespace gantry::kube
