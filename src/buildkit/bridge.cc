// SPDX-License-Identifier: Apache-2.0
//
// moby.buildkit.v1.frontend.LLBBridge: how a client drives the build that its own Solve of Control waits for.
#include <array>

#include "buildkit/message.h"
#include "buildkit/services.h"
#include "grpc/status.h"

namespace gantry::buildkit {
namespace {

// How long the Solve that a call belongs to may take to arrive.
constexpr std::chrono::seconds kPatience{10};

// Of exports: several at once (github.com/moby/buildkit/solver/pb, caps.go).
constexpr const char* kManyExporters = "exporter.multiple";

// What of a front end's interface is here (github.com/moby/buildkit/frontend/gateway/pb, caps.go).
constexpr std::array<const char*, 7> kCapabilities = {"solve.base",
                                                      "return",
                                                      "returnmap",
                                                      "proto.refarray",
                                                      "reference.output",
                                                      "gateway.evaluate",
                                                      "gateway.solve.evaluate"};

Result<std::shared_ptr<BuildJob>> job_of(Services& services, const grpc::ServerCall& call) {
  const std::string id(http::value_of(call.metadata(), "buildkit-controlapi-buildid"));
  if (id.empty()) return error(Code::InvalidArgument, "a call of '{}' says no build", call.method());
  return services.jobs.find(id, kPatience);
}

Result<void> ping(Services& services, grpc::ServerCall& call) {
  TRY(call.read_one());
  pb::PongResponse response;
  const auto enable = [](pb::ApiCap& capability, const char* id) {
    capability.set_id(id);
    capability.set_enabled(true);
  };
  for (const char* capability : kCapabilities) enable(*response.add_frontend_caps(), capability);
  enable(*response.add_llb_caps(), kManyExporters);
  describe_worker(services, *response.add_workers());
  return write(call, response);
}

Result<void> solve(Services& services, grpc::ServerCall& call) {
  const auto request = TRY(read_request<pb::BridgeSolveRequest>(call));
  const std::shared_ptr<BuildJob> job = TRY(job_of(services, call));
  FrontEndRequest asked{.attributes = to_map(request.frontend_opt())};
  asked.inputs = TRY(inputs_of(request));
  pb::BridgeSolveResponse response;
  if (!request.frontend().empty()) {
    if (!is_dockerfile_front_end(request.frontend(), asked.attributes))
      return error(Code::Unsupported, "there is no front end '{}'", request.frontend());
    call.on_over([job] { job->cancel().cancel("the client has gone"); });
    if (const auto id = asked.attributes.find("requestid"); id != asked.attributes.end()) {
      for (auto& [key, value] : TRY(answer_request(services, *job, asked, id->second)))
        (*response.mutable_result()->mutable_metadata())[key] = std::move(value);
      return write(call, response);
    }
    TRY(run_build(services, *job, asked));
    // What it came to is exported already: nobody can ask more of it than to be returned, and to be built on.
    if (request.allow_result_array_ref()) {
      pb::Ref& ref = *response.mutable_result()->mutable_ref();
      ref.set_id(job->order().ref);
      describe_result(job->order().ref, *ref.mutable_def());
    } else {
      response.mutable_result()->set_old_ref(job->order().ref);
    }
  } else {
    response.mutable_result();
  }
  return write(call, response);
}

// What was solved was built.
Result<void> evaluate(Services&, grpc::ServerCall& call) {
  TRY(call.read_one());
  return call.write("");  // a message without fields
}

Result<void> take_return(Services& services, grpc::ServerCall& call) {
  const auto request = TRY(read_request<pb::ReturnRequest>(call));
  const std::shared_ptr<BuildJob> job = TRY(job_of(services, call));
  if (request.has_error()) {
    const int code = request.error().code();
    const bool is_known = code > 0 && code <= static_cast<int>(grpc::StatusCode::Unauthenticated);
    job->on_return(
        error(grpc::code_of(is_known ? static_cast<grpc::StatusCode>(code) : grpc::StatusCode::Unknown), "{}",
              request.error().message()));
  } else {
    job->on_return({});
  }
  return call.write("");  // a message without fields
}

}  // namespace

void add_bridge(grpc::Methods& methods, Services& services) {
  constexpr const char* kService = "/moby.buildkit.v1.frontend.LLBBridge/";
  add_method(methods, services, kService, "Ping", ping);
  add_method(methods, services, kService, "Solve", solve);
  add_method(methods, services, kService, "Evaluate", evaluate);
  add_method(methods, services, kService, "Return", take_return);
}

}  // namespace gantry::buildkit
