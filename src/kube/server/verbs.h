// SPDX-License-Identifier: Apache-2.0
//
// The verbs of the Kubernetes API on every kind that is kept: create, get, list, watch, update, patch,
// delete, deletecollection, and the subresources that change an object (status, scale, binding, eviction,
// ephemeralcontainers, resize, approval, finalize).
//
//   const ApiAnswer answer = TRY(verbs.run(request));
//   for (const SharedBytes& piece : json_of(answer)) ...
//
// Who may do what was decided before. All calls are for any thread and block.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kube/admission/admission.h"
#include "kube/api/status.h"
#include "kube/server/api_request.h"
#include "kube/storage/object_storage.h"

namespace gantry::kube {

class ServiceAddresses;

// What verbs work with; all of it outlives them.
struct VerbParts {
  ObjectStorage& storage;
  const admission::Chain& admission;
  const ServiceAddresses& addresses;
};

class Verbs {
 public:
  explicit Verbs(const VerbParts& parts) : parts_(parts) {}

  // Everything but Watch. 405 for what a resource does not have.
  Answer<ApiAnswer> run(const ApiRequest& request) const;
  Answer<std::unique_ptr<WatchStream>> watch(const ApiRequest& request) const;

  // Asks admission about a request that leads out of the server (exec, proxy ...). `options`: of the
  // subresource's kind; may be changed. Warnings for the client.
  Answer<std::vector<std::string>> admit_connection(const ApiRequest& request, json::Tree& options) const;

 private:
  const VerbParts parts_;
};

}  // namespace gantry::kube
