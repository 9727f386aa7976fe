// SPDX-License-Identifier: Apache-2.0
//
// Requests that lead out of the API server (kube/connect, kube/aggregation).
#include <fmt/format.h>

#include "kube/http/answer_writer.h"
#include "kube/http/api_server.h"
#include "kube/http/connect_options.h"
#include "kube/http/named_verb.h"
#include "kube/http/refusals.h"

namespace gantry::kube {
namespace {

// What stands behind the subresource, as it was sent: a proxy must not change how it is encoded.
std::string_view raw_rest(std::string_view path, const RequestInfo& info) {
  while (path.starts_with('/')) path.remove_prefix(1);
  // "api/v1", "namespaces/x", "pods/web/proxy"
  const int segments = 2 + (info.name_space.empty() ? 0 : 2) + 3;
  for (int i = 0; i < segments; ++i) {
    const std::size_t slash = path.find('/', i == 0 ? 0 : 1);
    if (slash == std::string_view::npos) return {};
    path.remove_prefix(slash);
  }
  return path;
}

}  // namespace

Answer<void> ApiServer::connect(const Call& call, const Resource& resource,
                                const Subresource& subresource) const {
  const RequestInfo& info = call.info;
  if (!has(subresource.verbs, verb_of(info.verb)))
    return method_not_allowed(
        fmt::format("{} is not supported on {}/{}", info.verb, info.resource, info.subresource));
  if (info.subresource != "proxy" && !info.rest.empty()) return no_such_path();
  if (Connector::is_session(info.subresource) && info.verb == "get") {
    RequestInfo creation = info;
    creation.verb = "create";
    TRY(check_access(call.identity, creation));
  }
  const bool is_admitted = info.subresource != "log";  // which is only looked at
  const http::Query query = is_admitted ? TRY(admit(call, resource, subresource)) : call.query;
  const int status = TRY(parts_.connector.connect({.request = call.request,
                                                   .response = call.response,
                                                   .query = query,
                                                   .resource = info.resource,
                                                   .subresource = info.subresource,
                                                   .name_space = info.name_space,
                                                   .name = info.name,
                                                   .rest = raw_rest(call.request.path(), info)}));
  if (call.audit != nullptr) call.audit->start(status);
  call.told.code = status;
  return {};
}

// The parameters as admission leaves them. Those of proxies are not the server's own: they pass as they are.
Answer<http::Query> ApiServer::admit(const Call& call, const Resource& resource,
                                     const Subresource& subresource) const {
  const RequestInfo& info = call.info;
  json::Tree options = connect_options(call.query, subresource);
  if (info.subresource == "proxy") options.object()["path"] = info.rest;
  const json::Tree sent = options;
  const ApiRequest request{.user = call.identity.user,
                           .verb = Verb::Create,
                           .resource = resource,
                           .subresource = info.subresource,
                           .name_space = info.name_space,
                           .name = info.name};
  add_warnings(call.response.headers, TRY(parts_.verbs.admit_connection(request, options)));
  if (info.subresource != "proxy") return connect_query(options);
  if (options != sent) return internal_error("a webhook changes where a proxy leads, which is not done");
  return call.query;
}

// In the name of who asks: a token's or an impersonation's words are for this server alone. The audit log is
// not told of bodies here, as stock API servers do not tell theirs: what they mean the other server knows.
Answer<void> ApiServer::ask(const Call& call, const AggregatedApi& api) const {
  const int status =
      TRY(parts_.aggregated.answer(api, call.identity.user, call.request, call.response, parts_.streams));
  if (call.audit != nullptr && call.info.verb == "watch") call.audit->start(status);
  call.told.code = status;
  return {};
}

}  // namespace gantry::kube
