// SPDX-License-Identifier: Apache-2.0
//
// What the two services of a builder share, and their methods.
#pragma once

#include <string>

#include "base/byte_stream.h"
#include "buildkit/build_job.h"
#include "buildkit/buildkit.h"
#include "buildkit/linked_results.h"
#include "buildkit/session.h"
#include "buildkit/uploads.h"
#include "grpc/call.h"

namespace gantry::buildkit {

namespace pb {
class WorkerRecord;
}

struct Services {
  explicit Services(BuildKitOptions given) : options(std::move(given)) {}

  const BuildKitOptions options;
  Sessions sessions;
  BuildJobs jobs;
  Uploads uploads;
};

// moby.buildkit.v1.Control, grpc.health.v1.Health
void add_control(grpc::Methods& methods, Services& services);
// moby.buildkit.v1.frontend.LLBBridge
void add_bridge(grpc::Methods& methods, Services& services);

using ServiceMethod = Result<void> (*)(Services&, grpc::ServerCall&);
// `service` with a slash at its end: "/moby.buildkit.v1.Control/".
void add_method(grpc::Methods& methods, Services& services, const std::string& service, const char* name,
                ServiceMethod method);

// What a front end is asked for.
struct FrontEndRequest {
  StringMap attributes;
  StringMap inputs;              // by their names, builds of which they are the results
  ByteSource* upload = nullptr;  // a tar that the context is; null: the attributes say where it is
};
// Of a Solve of either service. Unsupported for what only a solver of graphs could do.
template <class SolveRequest>
Result<StringMap> inputs_of(const SolveRequest& request) {
  if (request.definition().def_size() > 0) TRY(result_of(request.definition()));
  StringMap inputs;
  for (const auto& [name, definition] : request.frontend_inputs())
    inputs.emplace(name, TRY(result_of(definition)));
  return inputs;
}

// Builds what a client asked the front end "dockerfile.v0" for, and exports it.
Result<void> run_build(Services& services, BuildJob& job, const FrontEndRequest& request);
// What it asked besides (subrequest.h).
Result<StringMap> answer_request(Services& services, const BuildJob& job, const FrontEndRequest& request,
                                 const std::string& id);
// True for the front ends that are Dockerfiles: ours by name, or an image of it that "# syntax=" asks for.
bool is_dockerfile_front_end(const std::string& front_end, const StringMap& attributes);

void describe_worker(const Services& services, pb::WorkerRecord& record);

}  // namespace gantry::buildkit
