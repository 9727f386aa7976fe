// SPDX-License-Identifier: Apache-2.0
#include "kube/http/api_server.h"

#include <ctime>
#include <utility>

#include "base/random.h"
#include "http/url.h"
#include "kube/http/answer_writer.h"

namespace gantry::kube {

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

Answer<void> ApiServer::answer(http::Request& request, http::ResponseWriter& response) const {
  response.headers.set("Audit-Id", random_uuid());
  response.headers.set("Cache-Control", "no-cache, private");
  const auto query = http::Query::parse(request.query());
  if (!query) return bad_request(query.error().message());
  const auto info = read_request_info(request.method(), request.path(), *query);
  if (!info) return bad_request(info.error().message());
  Identity identity = TRY(
      parts_.authenticator.authenticate(request.headers(), request.peer(), info->path, std::time(nullptr)));
  identity = TRY(impersonate(parts_.authorizer, std::move(identity), request.headers()));
  TRY(check_access(identity, *info));
  const Call call{request, response, *query, *info, identity};
  return info->is_resource ? serve_resource(call) : show_path(call);
}

Answer<void> ApiServer::check_access(const Identity& identity, const RequestInfo& info) const {
  const AccessRequest wanted{.user = identity.user,
                             .verb = info.verb,
                             .is_resource = info.is_resource,
                             .group = info.group,
                             .version = info.version,
                             .resource = info.resource,
                             .subresource = info.subresource,
                             .name_space = info.name_space,
                             .name = info.name,
                             .path = info.path};
  const Decision decision = parts_.authorizer.decide(wanted);
  if (decision.is_allowed()) return {};
  return denied(wanted, decision.reason);
}

}  // namespace gantry::kube
