// SPDX-License-Identifier: Apache-2.0
#include "kube/access/webhook_authorizer.h"

#include <fmt/format.h>

#include <unordered_map>

#include "base/mutex.h"
#include "kube/access/access_reviews.h"

namespace gantry::kube {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr std::size_t kMaxAnswer = 1 << 20;  // bytes
constexpr int kAttempts = 3;                 // a server that restarts is no reason to turn everybody away

std::string review_for(const std::string& spec) {
  return fmt::format(R"({{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{}}})",
                     spec);
}

Decision decision_of(const json::Tree& answer) {
  Decision decision{.reason = std::string(answer.text_at("status", "reason")),
                    .problem = std::string(answer.text_at("status", "evaluationError"))};
  const json::Tree* allowed = answer.find("status", "allowed");
  const json::Tree* denied = answer.find("status", "denied");
  if (denied != nullptr && denied->as_bool())
    decision.opinion = Opinion::Deny;
  else if (allowed != nullptr && allowed->as_bool())
    decision.opinion = Opinion::Allow;
  return decision;
}

}  // namespace

struct WebhookAuthorizer::State {
  explicit State(WebhookAuthorizerOptions given)
      : options(std::move(given)), client({.tls = options.tls, .answer_timeout = options.timeout}) {}

  Result<json::Tree> ask(const std::string& spec) {
    http::ClientRequest request{
        .method = "POST", .url = options.url, .headers = options.headers, .body = review_for(spec)};
    request.headers.set("Content-Type", "application/json");
    request.deadline = std::chrono::steady_clock::now() + options.timeout;
    http::ClientResponse response = TRY(client.send(request));
    const std::string body = TRY(response.read_body(kMaxAnswer));
    if (!response.is_success())
      return error(http::code_of_status(response.status()), "the webhook answered {}", response.status());
    return json::Tree::parse(body);
  }

  // Asked again only when there was no answer at all.
  Result<json::Tree> ask_patiently(const std::string& spec) {
    for (int attempt = 1;; ++attempt) {
      auto answer = ask(spec);
      if (answer || attempt == kAttempts || answer.error().code() != Code::Unavailable) return answer;
    }
  }

  std::optional<Decision> recall(const std::string& spec) EXCLUDES(mutex) {
    MutexLock lock(mutex);
    const auto found = remembered.find(spec);
    if (found == remembered.end()) return std::nullopt;
    if (std::chrono::steady_clock::now() < found->second.until) return found->second.decision;
    remembered.erase(found);
    return std::nullopt;
  }

  void remember(const std::string& spec, const Decision& decision) EXCLUDES(mutex) {
    const auto time = decision.is_allowed() ? options.allowed_for : options.denied_for;
    if (spec.size() > kMaxKey || options.max_remembered == 0) return;
    MutexLock lock(mutex);
    if (remembered.size() >= options.max_remembered) remembered.erase(remembered.begin());  // any one
    remembered[spec] = {decision, std::chrono::steady_clock::now() + time};
  }

  struct Remembered {
    Decision decision;
    Time until;
  };
  static constexpr std::size_t kMaxKey = 8 << 10;  // bytes: what is larger is asked every time

  const WebhookAuthorizerOptions options;
  http::Client client;
  Mutex mutex;  // guards what follows
  std::unordered_map<std::string, Remembered> remembered GUARDED_BY(mutex);
};

WebhookAuthorizer::WebhookAuthorizer(WebhookAuthorizerOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}

WebhookAuthorizer::~WebhookAuthorizer() = default;

Decision WebhookAuthorizer::decide(const AccessRequest& request) const {
  const std::string spec = subject_access_spec(request).to_text();
  if (auto known = state_->recall(spec)) return *std::move(known);
  const auto answer = state_->ask_patiently(spec);
  if (!answer) return {.problem = fmt::format("authorization webhook: {}", answer.error().message())};
  Decision decision = decision_of(*answer);
  state_->remember(spec, decision);
  return decision;
}

void WebhookAuthorizer::list_rules(const User& /*user*/, std::string_view /*name_space*/,
                                   RuleList& list) const {
  list.is_incomplete = true;
  list.problem = "webhook authorizer does not support user rule resolution";
}

}  // namespace gantry::kube
