// SPDX-License-Identifier: Apache-2.0
#include "kube/http/api_server.h"

#include <chrono>
#include <ctime>
#include <map>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/split.h"
#include "http/headers.h"
#include "http/url.h"
#include "kube/api/selector.h"
#include "kube/http/answer_writer.h"
#include "kube/http/received_body.h"
#include "kube/http/request_options.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kMostOfAnId = 64;  // bytes

// A client may choose it, to find its request again.
std::string audit_id_of(const http::Request& request) {
  const std::string_view given = request.headers().get_or("Audit-Id", "");
  return given.empty() || given.size() > kMostOfAnId ? random_uuid() : std::string(given);
}

AccessRequest access_request(const User& user, const RequestInfo& info) {
  return {.user = user,
          .verb = info.verb,
          .is_resource = info.is_resource,
          .group = info.group,
          .version = info.version,
          .resource = info.resource,
          .subresource = info.subresource,
          .name_space = info.name_space,
          .name = info.name,
          .path = info.path};
}

AuditResponse refusal(const Status& status) {
  return {.code = status->code, .reason = status->reason, .message = status->message, .object = {}};
}

// From the first who asked to the last who passed it on.
std::vector<std::string> source_addresses(const http::Request& request) {
  std::vector<std::string> addresses;
  for (const std::string_view address : split_words(request.headers().get_or("X-Forwarded-For", ""), ','))
    addresses.emplace_back(http::trim(address));
  const std::string& peer = request.peer().address;
  addresses.push_back(peer.substr(0, peer.rfind(':')));
  return addresses;
}

}  // namespace

// An error from here on is the connection's: what clients are to know is a Status, and was written.
Result<void> ApiServer::handle(http::Request& request, http::ResponseWriter& response) const {
  const Answer<void> answered = answer(request, response);
  if (answered) return {};
  const Status& status = answered.error();
  if (response.has_started()) return error(Code::DataLoss, "{}", status->message);
  if (status->code >= 500)
    parts_.log.warn("a request failed", {{"method", request.method()},
                                         {"path", request.path()},
                                         {"status", status->code},
                                         {"error", status->message}});
  return write_status(response, status);
}

// What a field selector demands, for those who may see a part only: nodes, their pods.
static std::map<std::string, std::string> demanded_fields(const http::Query& query) {
  std::map<std::string, std::string> fields;
  const auto selector = FieldSelector::parse(query.get("fieldSelector").value_or(""));
  if (!selector) return fields;  // the verb will say what is wrong with it
  for (const FieldSelector::Requirement& each : selector->requirements())
    if (each.is_equal) fields[each.field] = each.value;
  return fields;
}

// Beginnings of paths that are no resources: what comes behind them is the clients' own.
static std::string_view known_path(std::string_view path) {
  for (const std::string_view known :
       {"/healthz", "/livez", "/readyz", "/version", "/metrics", "/apis", "/api", "/openapi", "/openid"})
    if (path == known || (path.starts_with(known) && path[known.size()] == '/')) return known;
  return {};
}

static std::string_view verb_label(const http::Request& request, const RequestInfo& info) {
  if (info.verb == "list") return "LIST";
  if (info.verb == "watch") return "WATCH";
  if (info.verb == "deletecollection") return "DELETECOLLECTION";
  for (const std::string_view method : {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
    if (request.method() == method) return method;
  if (request.method() != "PATCH") return "other";
  const auto kind = patch_kind(request.headers().get_or("Content-Type", ""));
  return kind && *kind == PatchKind::Apply ? "APPLY" : "PATCH";
}

RequestLabels ApiServer::labels_of(const http::Request& request, const RequestInfo& info) const {
  RequestLabels labels{.verb = std::string(verb_label(request, info))};
  const std::shared_ptr<const Served> served = info.is_resource ? parts_.served.get() : nullptr;
  const Resource* resource =
      served == nullptr ? nullptr : served->find(info.group, info.version, info.resource);
  if (resource == nullptr) {
    if (!info.is_resource) labels.subresource = known_path(info.path);
    return labels;
  }
  labels.group = info.group;
  labels.version = info.version;
  labels.resource = info.resource;
  if (resource->find_subresource(info.subresource) != nullptr) labels.subresource = info.subresource;
  labels.scope = !info.name.empty() ? "resource" : !info.name_space.empty() ? "namespace" : "cluster";
  return labels;
}

Answer<void> ApiServer::answer(http::Request& request, http::ResponseWriter& response) const {
  response.headers.set("Audit-Id", audit_id_of(request));
  response.headers.set("Cache-Control", "no-cache, private");
  const auto begun = std::chrono::steady_clock::now();
  const auto query = http::Query::parse(request.query());
  if (!query) return bad_request(query.error().message());
  const auto info = read_request_info(request.method(), request.path(), *query);
  if (!info) return bad_request(info.error().message());
  const RequestLabels labels = labels_of(request, *info);
  const ApiMetrics::InFlight here(metrics_, labels);
  Told told;
  Answer<void> served = identify_and_serve(request, response, *query, *info, labels, told);
  metrics_.answered(labels, served ? told.code : served.error()->code,
                    std::chrono::steady_clock::now() - begun);
  return served;
}

Answer<void> ApiServer::identify_and_serve(http::Request& request, http::ResponseWriter& response,
                                           const http::Query& query, const RequestInfo& info,
                                           const RequestLabels& labels, Told& told) const {
  auto known =
      parts_.authenticator.authenticate(request.headers(), request.peer(), info.path, std::time(nullptr));
  metrics_.authenticated(known.has_value());
  const Identity identity = TRY(impersonate(parts_.authorizer, TRY(std::move(known)), request.headers()));
  AccessRequest access = access_request(identity.user, info);
  if (info.is_resource && query.has("fieldSelector")) access.fields = demanded_fields(query);
  Call call{request, response, query, info, identity, labels, told};
  std::optional<AuditRecord> audit = begin_audit(call, access);
  if (!audit) return serve(call, access);
  call.audit = &*audit;
  Answer<void> served = serve(call, access);
  audit->respond(
      served ? AuditResponse{.code = told.code, .reason = {}, .message = {}, .object = told.object.view()}
             : refusal(served.error()));
  return served;
}

Answer<void> ApiServer::serve(const Call& call, const AccessRequest& access) const {
  const Decision decision = parts_.authorizer.decide(access);
  if (call.audit != nullptr) {
    call.audit->annotate("authorization.k8s.io/decision", decision.is_allowed() ? "allow" : "forbid");
    call.audit->annotate("authorization.k8s.io/reason", decision.reason);
  }
  if (!decision.is_allowed()) return denied(access, decision.reason);
  ReceivedBody body(call.request);
  TRY(body.receive(parts_.bodies, access.user.name));
  const Call received{body.request(), call.response, call.query, call.info,
                      call.identity,  call.labels,   call.told,  call.audit};
  return serve_in_turn(received, access, body.is_whole());
}

// A body that is still coming, to be passed on, has a place in the room for those in place of a seat.
Answer<void> ApiServer::serve_in_turn(const Call& call, const AccessRequest& access, bool takes_seat) const {
  std::optional<Seat> seat;
  if (takes_seat) {
    seat.emplace(TRY(parts_.fairness.admit(access)));
    call.response.headers.set("X-Kubernetes-PF-FlowSchema-UID", seat->schema_uid());
    call.response.headers.set("X-Kubernetes-PF-PriorityLevel-UID", seat->level_uid());
  }
  if (const auto api = parts_.aggregated.find(call.info.path)) return ask(call, *api);
  return call.info.is_resource ? serve_resource(call) : show_path(call);
}

Answer<void> ApiServer::check_access(const Identity& identity, const RequestInfo& info) const {
  const AccessRequest access = access_request(identity.user, info);
  const Decision decision = parts_.authorizer.decide(access);
  if (decision.is_allowed()) return {};
  return denied(access, decision.reason);
}

std::optional<AuditRecord> ApiServer::begin_audit(const Call& call, const AccessRequest& access) const {
  if (parts_.auditor == nullptr) return std::nullopt;
  return parts_.auditor->begin(access,
                               {.id = std::string(call.response.headers.get_or("Audit-Id", "")),
                                .uri = call.request.head().target,
                                .source_addresses = source_addresses(call.request),
                                .user_agent = std::string(call.request.headers().get_or("User-Agent", "")),
                                .impersonator = call.identity.impersonator});
}

}  // namespace gantry::kube
