// SPDX-License-Identifier: Apache-2.0
//
// Asks another server by SubjectAccessReview
// (https://kubernetes.io/docs/reference/access-authn-authz/webhook/). Answers are remembered for a while.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "http/client.h"
#include "kube/access/authorizer.h"

namespace gantry::kube {

struct WebhookAuthorizerOptions {
  http::Url url;
  http::TlsClientOptions tls;
  http::HeaderMap headers;  // "Authorization", if the server wants it
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
  std::chrono::seconds allowed_for = std::chrono::minutes(5);  // how long a yes is remembered
  std::chrono::seconds denied_for = std::chrono::seconds(30);
  std::size_t max_remembered = 4096;  // answers
};

class WebhookAuthorizer final : public Authorizer {
 public:
  explicit WebhookAuthorizer(WebhookAuthorizerOptions options);
  WebhookAuthorizer(const WebhookAuthorizer&) = delete;
  WebhookAuthorizer& operator=(const WebhookAuthorizer&) = delete;
  ~WebhookAuthorizer() override;

  // Blocks while it asks. When the server cannot be asked: no opinion, with the problem.
  Decision decide(const AccessRequest& request) const override;
  void list_rules(const User& user, std::string_view name_space, RuleList& list) const override;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace gantry::kube
