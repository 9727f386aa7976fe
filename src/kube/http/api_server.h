// SPDX-License-Identifier: Apache-2.0
//
// The Kubernetes API over HTTP: who asks, whether he may, what he wants, and the answer in his form. The
// handler of an http::Server and an http::Http2Service alike.
//
//   ApiServer api({.verbs = verbs, ...});
//   auto server = TRY(http::Server::start(std::move(listeners), api.handler(), options));
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "http/server.h"
#include "kube/access/authorizer.h"
#include "kube/aggregation/aggregated_apis.h"
#include "kube/api/status.h"
#include "kube/audit/audit.h"
#include "kube/connect/connector.h"
#include "kube/fairness/body_room.h"
#include "kube/fairness/fairness.h"
#include "kube/http/answer_writer.h"
#include "kube/http/api_metrics.h"
#include "kube/http/health_checks.h"
#include "kube/http/lanes.h"
#include "kube/http/media_type.h"
#include "kube/http/request_info.h"
#include "kube/http/served.h"
#include "kube/identity/authenticate.h"
#include "kube/identity/service_account_tokens.h"
#include "kube/server/verbs.h"

namespace gantry::kube {

// All of them outlive it.
struct ApiParts {
  const Verbs& verbs;
  const CurrentlyServed& served;
  const Authenticator& authenticator;
  const Authorizer& authorizer;
  const TokenAuthenticator& tokens;
  const ServiceAccountTokens& account_tokens;
  Fairness& fairness;
  BodyRoom& bodies;
  const Connector& connector;
  const AggregatedApis& aggregated;
  http::StreamLoop& streams;  // of connections that outlast their handlers
  const Auditor* auditor;     // null: nothing is written
  std::vector<HealthCheck> health_checks;
  // What others have counted, for /metrics.
  std::function<void(MetricsPage&)> more_metrics;
  const Logger& log;
};

class ApiServer {
 public:
  explicit ApiServer(const ApiParts& parts) : parts_(parts) {}
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  // Borrows this.
  http::Handler handler() {
    return
        [this](http::Request& request, http::ResponseWriter& response) { return handle(request, response); };
  }

  // What /readyz says; it does from the first on.
  void set_ready(bool is_ready) { is_ready_ = is_ready; }

 private:
  // What audit log and metrics are told of a request that was served.
  struct Told {
    int code = 200;
    SharedBytes object;  // that was answered, where it is one
  };
  // One request on its way.
  struct Call {
    http::Request& request;
    http::ResponseWriter& response;
    const http::Query& query;
    const RequestInfo& info;
    const Identity& identity;
    const RequestLabels& labels;
    Told& told;
    AuditRecord* audit = nullptr;  // null: nothing is written
  };

  Result<void> handle(http::Request& request, http::ResponseWriter& response) const;
  Answer<void> answer(http::Request& request, http::ResponseWriter& response) const;
  Answer<void> identify_and_serve(http::Request& request, http::ResponseWriter& response,
                                  const http::Query& query, const RequestInfo& info,
                                  const RequestLabels& labels, Told& told) const;
  RequestLabels labels_of(const http::Request& request, const RequestInfo& info) const;
  Answer<void> serve(const Call& call, const AccessRequest& access) const;
  Answer<void> serve_in_turn(const Call& call, const AccessRequest& access, bool takes_seat) const;
  Answer<void> ask(const Call& call, const AggregatedApi& api) const;
  Answer<void> check_access(const Identity& identity, const RequestInfo& info) const;
  std::optional<AuditRecord> begin_audit(const Call& call, const AccessRequest& access) const;

  // Paths that are no resources.
  Answer<void> show_path(const Call& call) const;
  Answer<void> show_health(const Call& call) const;
  Answer<void> show_discovery(const Call& call) const;
  Answer<void> show_openapi(const Call& call) const;
  Answer<void> show_token_keys(const Call& call) const;
  Answer<void> show_metrics(const Call& call) const;

  // Resources.
  Answer<void> serve_resource(const Call& call) const;
  Answer<void> watch(const Call& call, const ApiRequest& request, std::shared_ptr<const Served> served) const;
  Answer<void> send_messages(const Call& call, const AnswerForm& form,
                             std::shared_ptr<http::FrameSource> events) const;
  Answer<void> connect(const Call& call, const Resource& resource, const Subresource& subresource) const;
  Answer<http::Query> admit(const Call& call, const Resource& resource, const Subresource& subresource) const;
  Answer<void> review(const Call& call, const Resource& resource) const;
  Answer<void> show_components(const Call& call, const Resource& resource) const;
  Answer<void> request_token(const Call& call) const;

  const ApiParts parts_;
  std::atomic<bool> is_ready_ = false;
  mutable ApiMetrics metrics_;
  // Of watches whose objects somebody else converts: a webhook that does not answer is no other's business.
  mutable Lanes converting_{{.name = "watch", .max_threads = 32, .max_waiting = 4096}, 2};
};

}  // namespace gantry::kube
