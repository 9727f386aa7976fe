// SPDX-License-Identifier: Apache-2.0
//
// What is told of a request: an event at each stage that the policy does not leave out
// (https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/).
//
//   AuditRecord record = auditor.begin(request, facts);          // RequestReceived
//   if (record.level() >= AuditLevel::Request) record.set_request_object(body);
//   record.annotate("authorization.k8s.io/decision", "allow");
//   record.respond({.code = 201, .object = answer});             // ResponseComplete
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kube/api/user.h"
#include "kube/audit/policy.h"
#include "kube/audit/sink.h"

namespace gantry::kube {

// What AccessRequest does not say.
struct AuditFacts {
  std::string id;   // Audit-ID of the request, or a new UUID; the answer's header says it, too
  std::string uri;  // with the query
  std::vector<std::string> source_addresses;  // of X-Forwarded-For, X-Real-Ip, and the peer
  std::string user_agent;
  std::optional<User> impersonator;  // then the request's user is the one who was impersonated
};

struct AuditResponse {
  int code = 0;
  std::string_view reason;   // of a Status that is no success; may be empty
  std::string_view message;  // the same
  std::string_view object;   // JSON that was answered; only looked at with RequestResponse
};

class Auditor;

// One request. Of one thread at a time.
class AuditRecord {
 public:
  AuditLevel level() const { return decision_.level; }

  // JSON that was sent.
  void set_request_object(std::string_view json);
  void annotate(std::string key, std::string value);
  // A watch or a stream begins: ResponseStarted.
  void start(int code);
  // The end: ResponseComplete.
  void respond(const AuditResponse& response);
  // It could not be brought to an end: Panic.
  void fail(std::string_view why);

 private:
  friend class Auditor;
  AuditRecord(const Auditor& auditor, AuditDecision decision) : auditor_(&auditor), decision_(decision) {}
  void tell(AuditStage stage, const AuditResponse& response);

  const Auditor* auditor_;
  AuditDecision decision_;
  AccessRequest request_;  // the rest only where the level is not None
  AuditFacts facts_;
  std::int64_t received_ = 0;  // nanoseconds since 1970
  std::string request_object_;
  std::map<std::string, std::string> annotations_;
};

// For any thread; outlives its records.
class Auditor {
 public:
  // `on_failure`: told when an event could not be written; may be empty.
  Auditor(AuditPolicy policy, std::vector<std::unique_ptr<AuditSink>> sinks,
          std::function<void(const Error&)> on_failure = {})
      : policy_(std::move(policy)), sinks_(std::move(sinks)), on_failure_(std::move(on_failure)) {}

  AuditRecord begin(const AccessRequest& request, AuditFacts facts) const;

 private:
  friend class AuditRecord;
  void write(const std::string& event) const;

  const AuditPolicy policy_;
  const std::vector<std::unique_ptr<AuditSink>> sinks_;
  const std::function<void(const Error&)> on_failure_;
};

}  // namespace gantry::kube
