// SPDX-License-Identifier: Apache-2.0
#include "kube/access/authorizer.h"

#include <fmt/format.h>

#include "kube/access/masters.h"

namespace gantry::kube {
namespace {

// Says the same to everything.
class Always final : public Authorizer {
 public:
  explicit Always(Opinion opinion) : opinion_(opinion) {}

  Decision decide(const AccessRequest& /*request*/) const override {
    return {.opinion = opinion_,
            .reason = opinion_ == Opinion::Deny ? "Everything is forbidden." : std::string()};
  }
  void list_rules(const User& /*user*/, std::string_view /*name_space*/, RuleList& list) const override {
    if (opinion_ != Opinion::Allow) return;
    list.rules.push_back({.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}});
    list.rules.push_back({.verbs = {"*"}, .paths = {"*"}});
  }

 private:
  const Opinion opinion_;
};

void join(std::string& text, std::string_view more) {
  if (more.empty()) return;
  if (!text.empty()) text += ", ";
  text += more;
}

}  // namespace

Decision AuthorizerChain::decide(const AccessRequest& request) const {
  if (is_master(request.user)) return {.opinion = Opinion::Allow};
  Decision all;
  for (const auto& member : members_) {
    Decision decision = member->decide(request);
    if (decision.opinion != Opinion::None) return decision;
    join(all.reason, decision.reason);
    join(all.problem, decision.problem);
  }
  return all;
}

void AuthorizerChain::list_rules(const User& user, std::string_view name_space, RuleList& list) const {
  if (is_master(user)) return always_allow()->list_rules(user, name_space, list);
  for (const auto& member : members_) member->list_rules(user, name_space, list);
}

std::shared_ptr<const Authorizer> always_allow() {
  static const auto authorizer = std::make_shared<const Always>(Opinion::Allow);
  return authorizer;
}

std::shared_ptr<const Authorizer> always_deny() {
  static const auto authorizer = std::make_shared<const Always>(Opinion::Deny);
  return authorizer;
}

Status denied(const AccessRequest& request, std::string_view reason) {
  const std::string why = reason.empty() ? std::string() : fmt::format(": {}", reason);
  if (!request.is_resource)
    return Status({.code = 403,
                   .reason = "Forbidden",
                   .message = fmt::format("forbidden: User \"{}\" cannot {} path \"{}\"{}", request.user.name,
                                          request.verb, request.path, why)});
  std::string resource = request.resource;
  if (!request.subresource.empty()) resource = fmt::format("{}/{}", resource, request.subresource);
  const std::string where = request.name_space.empty()
                                ? "at the cluster scope"
                                : fmt::format("in the namespace \"{}\"", request.name_space);
  return forbidden({request.group, request.resource}, request.name,
                   fmt::format("User \"{}\" cannot {} resource \"{}\" in API group \"{}\" {}{}",
                               request.user.name, request.verb, resource, request.group, where, why));
}

}  // namespace gantry::kube
