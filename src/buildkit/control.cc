// SPDX-License-Identifier: Apache-2.0
//
// moby.buildkit.v1.Control: builds, their progress and history, the cache.
#include <algorithm>
#include <set>

#include "base/random.h"
#include "base/timestamp.h"
#include "buildkit/build_request.h"
#include "buildkit/export.h"
#include "buildkit/message.h"
#include "buildkit/services.h"
#include "buildkit/subrequest.h"
#include "oci/image/platform.h"

namespace gantry::buildkit {
namespace {

using std::chrono::seconds;

// How long what a client begins at the same time may take to arrive.
constexpr seconds kPatience{10};

SolveOrder to_order(const pb::SolveRequest& request) {
  SolveOrder order{.ref = request.ref(),
                   .session = request.session(),
                   .frontend = request.frontend(),
                   .frontend_attrs = to_map(request.frontend_attrs()),
                   .is_internal = request.internal()};
  for (const pb::Exporter& exporter : request.exporters())
    order.exporters.push_back({exporter.type(), to_map(exporter.attrs())});
  if (order.exporters.empty() && !request.exporter().empty())
    order.exporters.push_back({request.exporter(), to_map(request.exporter_attrs())});
  for (const std::string& ref : request.cache().import_refs()) order.cache_from.push_back(ref);
  for (const pb::CacheOptionsEntry& entry : request.cache().imports()) {
    const auto ref = entry.attrs().find("ref");
    if (entry.type() == "registry" && ref != entry.attrs().end()) order.cache_from.push_back(ref->second);
  }
  order.entitlements.assign(request.entitlements().begin(), request.entitlements().end());
  return order;
}

Result<void> refuse_what_is_not_there(const pb::SolveRequest& request) {
  for (const pb::CacheOptionsEntry& entry : request.cache().exports())
    if (entry.type() != "inline")
      return error(
          Code::Unsupported,
          "the cache cannot be exported as '{}': images carry it with them (type=inline), so push one "
          "and name it in --cache-from",
          entry.type());
  for (const pb::CacheOptionsEntry& entry : request.cache().imports())
    if (entry.type() != "registry")
      return error(Code::Unsupported,
                   "the cache cannot be imported from '{}': name an image that was built here "
                   "(type=registry,ref=NAME)",
                   entry.type());
  return {};
}

Result<void> solve(Services& services, grpc::ServerCall& call) {
  const auto request = TRY(read_request<pb::SolveRequest>(call));
  const std::shared_ptr<BuildJob> job = TRY(services.jobs.begin(to_order(request)));
  call.on_over([job] { job->give_up(); });
  // Also what is refused has begun and ended: its client asks for its progress all the same.
  auto inputs = inputs_of(request);
  Result<void> outcome = inputs ? refuse_what_is_not_there(request) : std::move(inputs).error();
  if (!outcome) {
    services.jobs.end(job, outcome);
    return outcome;
  }
  outcome = error(Code::Unsupported, "there is no front end '{}'", request.frontend());
  if (request.frontend().empty())
    outcome = job->wait_for_return();
  else if (is_dockerfile_front_end(request.frontend(), job->order().frontend_attrs))
    outcome =
        run_build(services, *job, {.attributes = job->order().frontend_attrs, .inputs = *std::move(inputs)});
  services.jobs.end(job, outcome);
  TRY(std::move(outcome));
  pb::SolveResponse response;
  for (const auto& [key, value] : job->response()) (*response.mutable_exporter_response())[key] = value;
  return write(call, response);
}

Result<void> status(Services& services, grpc::ServerCall& call) {
  const auto request = TRY(read_request<pb::StatusRequest>(call));
  return TRY(services.jobs.find(request.ref(), kPatience))->log().follow(call);
}

Result<void> list_workers(Services& services, grpc::ServerCall& call) {
  TRY(call.read_one());
  pb::ListWorkersResponse response;
  describe_worker(services, *response.add_record());
  return write(call, response);
}

Result<void> info(Services& services, grpc::ServerCall& call) {
  TRY(call.read_one());
  pb::InfoResponse response;
  response.mutable_buildkit_version()->set_package("gantry");
  response.mutable_buildkit_version()->set_version(services.options.version);
  return write(call, response);
}

template <class Filters>
Result<void> refuse_filters(const Filters& filters) {
  // Clients send an empty one for none.
  for (const std::string& filter : filters)
    if (!filter.empty()) return error(Code::Unsupported, "the cache cannot be filtered ('{}')", filter);
  return {};
}

void describe(const build::CacheRecord& record, pb::UsageRecord& message) {
  message.set_id(record.key);
  message.set_size(static_cast<std::int64_t>(record.size));
  set_time(*message.mutable_created_at(), record.created);
  set_time(*message.mutable_last_used_at(), record.used);
  message.set_description(record.description);
  message.set_record_type("regular");
}

Result<void> disk_usage(Services& services, grpc::ServerCall& call) {
  const auto request = TRY(read_request<pb::DiskUsageRequest>(call));
  TRY(refuse_filters(request.filter()));
  pb::DiskUsageResponse response;
  for (const build::CacheRecord& record : TRY(services.options.builder->cache()))
    describe(record, *response.add_record());
  return write(call, response);
}

Result<void> prune(Services& services, grpc::ServerCall& call) {
  const auto request = TRY(read_request<pb::PruneRequest>(call));
  TRY(refuse_filters(request.filter()));
  build::PruneOptions options;
  if (request.keep_duration() > 0) options.unused_since = wall_clock_ns() - request.keep_duration();
  const std::int64_t keep = std::max(request.reserved_space(), request.max_used_space());
  if (keep > 0) options.keep_bytes = static_cast<std::uint64_t>(keep);
  const std::vector<build::CacheRecord> before = TRY(services.options.builder->cache());
  TRY(services.options.builder->prune(options));
  std::set<std::string> kept;
  for (const build::CacheRecord& record : TRY(services.options.builder->cache())) kept.insert(record.key);
  for (const build::CacheRecord& record : before) {
    if (kept.contains(record.key)) continue;
    pb::UsageRecord message;
    describe(record, message);
    TRY(write(call, message));
  }
  return {};
}

void describe(const BuildRecord& record, pb::BuildHistoryEvent& event) {
  event.set_type(record.completed == 0 ? pb::BuildHistoryEvent::STARTED : pb::BuildHistoryEvent::COMPLETE);
  pb::BuildHistoryRecord& message = *event.mutable_record();
  message.set_ref(record.order.ref);
  message.set_frontend(record.order.frontend);
  for (const auto& [key, value] : record.order.frontend_attrs)
    (*message.mutable_frontend_attrs())[key] = value;
  for (const ExporterRequest& exporter : record.order.exporters) {
    pb::Exporter& added = *message.add_exporters();
    added.set_type(exporter.type);
    for (const auto& [key, value] : exporter.attrs) (*added.mutable_attrs())[key] = value;
  }
  if (!record.failure.empty()) {
    message.mutable_error()->set_code(2);
    message.mutable_error()->set_message(record.failure);
  }
  set_time(*message.mutable_created_at(), record.created);
  if (record.completed != 0) set_time(*message.mutable_completed_at(), record.completed);
  for (const auto& [key, value] : record.exporter_response)
    (*message.mutable_exporter_response())[key] = value;
  message.set_num_total_steps(record.counts.steps);
  message.set_num_cached_steps(record.counts.cached);
  message.set_num_completed_steps(record.counts.completed);
}

Result<void> listen_build_history(Services& services, grpc::ServerCall& call) {
  const auto request = TRY(read_request<pb::BuildHistoryRequest>(call));
  call.on_over([&jobs = services.jobs] { jobs.wake(); });
  std::set<std::pair<std::string, bool>> told;
  for (;;) {
    const std::uint64_t version = services.jobs.version();
    for (const BuildRecord& record : services.jobs.records(request.ref())) {
      const bool is_active = record.completed == 0;
      if ((request.active_only() && !is_active) || !told.emplace(record.order.ref, is_active).second)
        continue;
      pb::BuildHistoryEvent event;
      describe(record, event);
      TRY(write(call, event));
    }
    if (request.early_exit() || call.is_over()) return {};
    services.jobs.wait_for_change(version);
    if (call.is_over()) return {};
  }
}

Result<void> update_build_history(Services& services, grpc::ServerCall& call) {
  const auto request = TRY(read_request<pb::UpdateBuildHistoryRequest>(call));
  if (request.pinned()) return error(Code::Unsupported, "builds cannot be pinned");
  if (request.delete_() && !services.jobs.forget(request.ref()))
    return error(Code::NotFound, "no such build: {}", request.ref());
  return call.write("");  // a message without fields
}

Result<void> check_health(grpc::ServerCall& call) {
  TRY(call.read_one());
  pb::HealthCheckResponse response;
  response.set_status(pb::HealthCheckResponse::SERVING);
  return write(call, response);
}

}  // namespace

bool is_dockerfile_front_end(const std::string& front_end, const StringMap& attributes) {
  if (front_end == "dockerfile.v0") return true;
  const auto source = attributes.find("source");
  return front_end == "gateway.v0" && source != attributes.end() &&
         (source->second.starts_with("docker/dockerfile") ||
          source->second.starts_with("docker.io/docker/dockerfile"));
}

static Result<PreparedBuild> prepare(Services& services, const SolveOrder& order,
                                     const FrontEndRequest& request) {
  std::shared_ptr<Session> session;
  if (!order.session.empty()) session = TRY(services.sessions.find(order.session, kPatience));
  BuildPlaces places{
      .kept = services.options.kept, .run = services.options.run, .upload = request.upload, .inputs = {}};
  for (const auto& [name, build] : request.inputs) {
    const auto stage = TRY(services.jobs.find(build, std::chrono::milliseconds(0)))->stage();
    if (!stage) return error(Code::NotFound, "the build '{}', which this one stands on, has ended", build);
    places.inputs.emplace(name, stage);
  }
  return prepare_build(request.attributes, order, std::move(session), places);
}

Result<StringMap> answer_request(Services& services, const BuildJob& job, const FrontEndRequest& request,
                                 const std::string& id) {
  const PreparedBuild build = TRY(prepare(services, job.order(), request));
  return answer_subrequest(id, build.request, services.options.store);
}

Result<void> run_build(Services& services, BuildJob& job, const FrontEndRequest& request) {
  const SolveOrder& order = job.order();
  if (const auto id = request.attributes.find("requestid"); id != request.attributes.end())
    return error(Code::Unsupported, "the request '{}' is for the front end's own interface", id->second);
  PreparedBuild build = TRY(prepare(services, order, request));
  Export to = TRY(
      Export::prepare(order.exporters, build.session, services.options.kept + "/export-" + random_hex(8)));
  to.add_to(build.request);
  build.request.cancel = &job.cancel();
  build.request.keeps_stage = true;
  const build::BuildResult result = TRY(services.options.builder->build(build.request, job.log()));
  job.set_stage(result.stage);
  job.set_response(TRY(to.finish(result)));
  return {};
}

void describe_worker(const Services& services, pb::WorkerRecord& record) {
  record.set_id("gantry");
  (*record.mutable_labels())["org.mobyproject.buildkit.worker.executor"] = "gantry-runtime";
  // By this label buildx's driver "docker" knows that there are exporters "docker" and "oci".
  (*record.mutable_labels())["org.mobyproject.buildkit.worker.snapshotter"] = "overlayfs";
  const oci::Platform host = oci::host_platform();
  pb::Platform& platform = *record.add_platforms();
  platform.set_os(host.os);
  platform.set_architecture(host.architecture);
  platform.set_variant(host.variant);
  record.mutable_buildkit_version()->set_package("gantry");
  record.mutable_buildkit_version()->set_version(services.options.version);
}

void add_method(grpc::Methods& methods, Services& services, const std::string& service, const char* name,
                ServiceMethod method) {
  methods.add(service + name, [&services, method](grpc::ServerCall& call) { return method(services, call); });
}

void add_control(grpc::Methods& methods, Services& services) {
  constexpr const char* kService = "/moby.buildkit.v1.Control/";
  add_method(methods, services, kService, "Solve", solve);
  add_method(methods, services, kService, "Status", status);
  add_method(methods, services, kService, "ListWorkers", list_workers);
  add_method(methods, services, kService, "Info", info);
  add_method(methods, services, kService, "DiskUsage", disk_usage);
  add_method(methods, services, kService, "Prune", prune);
  add_method(methods, services, kService, "ListenBuildHistory", listen_build_history);
  add_method(methods, services, kService, "UpdateBuildHistory", update_build_history);
  methods.add("/grpc.health.v1.Health/Check", check_health);
}

}  // namespace gantry::buildkit
