// SPDX-License-Identifier: Apache-2.0
//
// What the two services of a builder share, and their methods.
#pragma once

#include <string>

#include "base/byte_stream.h"
#include "buildkit/build_job.h"
#include "buildkit/buildkit.h"
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

// What only a solver of graphs could do.
template <class SolveRequest>
Result<void> refuse_graphs(const SolveRequest& request) {
  if (request.definition().def_size() == 0 && request.frontend_inputs_size() == 0) return {};
  return error(Code::Unsupported, "graphs of operations (LLB) are not supported, only Dockerfiles");
}

// Builds what a client asked the front end "dockerfile.v0" for, and exports it. `upload`: a tar that the
// context is; null: the attributes say where it is.
Result<void> run_build(Services& services, BuildJob& job, const StringMap& attributes,
                       ByteSource* upload = nullptr);
// What it asked besides (subrequest.h).
Result<StringMap> answer_request(Services& services, const BuildJob& job, const StringMap& attributes,
                                 const std::string& id);
// True for the front ends that are Dockerfiles: ours by name, or an image of it that "# syntax=" asks for.
bool is_dockerfile_front_end(const std::string& front_end, const StringMap& attributes);

void describe_worker(const Services& services, pb::WorkerRecord& record);

}  // namespace gantry::buildkit
