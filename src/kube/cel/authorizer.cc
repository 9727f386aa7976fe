// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/authorizer.h"

#include "kube/api/names.h"
#include "kube/cel/function.h"

namespace gantry::kube::cel {
namespace {

// All steps of a question are of this type: authorizer, its checks, and what is asked.
struct Question {
  const Authorizer* authorizer = nullptr;
  const User* user = nullptr;
  std::string_view account_namespace;  // a service account asks, not the user; empty: the user
  std::string_view account_name;
  std::string_view path;
  std::string_view group;
  std::string_view resource;
  std::string_view subresource;
  std::string_view name_space;
  std::string_view name;
};

struct Answered {
  bool is_allowed = false;
  std::string_view reason;
  std::string_view error;
};

const Question& question(const Call& call) { return call[0].opaque<Question>(); }
const Answered& answered(const Call& call) { return call[0].opaque<Answered>(); }

Value next(Kind kind, const Question& question, const Call& call) {
  return Value::of_opaque(kind, call.memory.make(question));
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

template <std::string_view Question::* part, Kind kind>
Value with(const Call& call) {
  Question changed = question(call);
  changed.*part = call.text(1);
  return next(kind, changed, call);
}

Value path(const Call& call) {
  if (is_blank(call.text(1))) return Value::of_error("path must not be empty");
  return with<&Question::path, Kind::PathCheck>(call);
}

Value resource(const Call& call) {
  if (is_blank(call.text(1))) return Value::of_error("resource must not be empty");
  return with<&Question::resource, Kind::ResourceCheck>(call);
}

Value service_account(const Call& call) {
  if (!dns_subdomain_faults(call.text(2)).empty()) return Value::of_error("Invalid service account name");
  if (!dns_label_faults(call.text(1)).empty()) return Value::of_error("Invalid service account namespace");
  Question changed = question(call);
  changed.account_namespace = call.text(1);
  changed.account_name = call.text(2);
  return next(Kind::Authorizer, changed, call);
}

User user_of(const Question& question) {
  if (question.account_name.empty()) return *question.user;
  const std::string name_space(question.account_namespace);
  return {.name = "system:serviceaccount:" + name_space + ":" + std::string(question.account_name),
          .groups = {"system:serviceaccounts", "system:serviceaccounts:" + name_space, kAuthenticatedGroup}};
}

Value decide(const AccessRequest& request, const Call& call) {
  const Authorizer::Decision decision = question(call).authorizer->decide(request);
  const Answered kept{decision.is_allowed, call.memory.copy(decision.reason),
                      call.memory.copy(decision.error)};
  return Value::of_opaque(Kind::Decision, call.memory.make(kept));
}

Value check_path(const Call& call) {
  return decide({.user = user_of(question(call)),
                 .verb = std::string(call.text(1)),
                 .is_resource = false,
                 .path = std::string(question(call).path)},
                call);
}

Value check_resource(const Call& call) {
  const Question& asked = question(call);
  return decide({.user = user_of(asked),
                 .verb = std::string(call.text(1)),
                 .group = std::string(asked.group),
                 .version = "*",
                 .resource = std::string(asked.resource),
                 .subresource = std::string(asked.subresource),
                 .name_space = std::string(asked.name_space),
                 .name = std::string(asked.name)},
                call);
}

// No authoriser here looks at selectors, and to ask for all is to ask for more: what is allowed for all is
// allowed for some.
Value ignore_selector(const Call& call) { return call[0]; }

constexpr Declaration kFunctions[] = {
    {".path(authorizer, string) -> path_check", Cost::One, path},
    {".group(authorizer, string) -> group_check", Cost::One, with<&Question::group, Kind::GroupCheck>},
    {".serviceAccount(authorizer, string, string) -> authorizer", Cost::One, service_account},
    {".resource(group_check, string) -> resource_check", Cost::One, resource},
    {".subresource(resource_check, string) -> resource_check", Cost::One,
     with<&Question::subresource, Kind::ResourceCheck>},
    {".namespace(resource_check, string) -> resource_check", Cost::One,
     with<&Question::name_space, Kind::ResourceCheck>},
    {".name(resource_check, string) -> resource_check", Cost::One,
     with<&Question::name, Kind::ResourceCheck>},
    {".fieldSelector(resource_check, string) -> resource_check", Cost::Selector, ignore_selector},
    {".labelSelector(resource_check, string) -> resource_check", Cost::Selector, ignore_selector},
    {".check(path_check, string) -> decision", Cost::Authorization, check_path},
    {".check(resource_check, string) -> decision", Cost::Authorization, check_resource},
    {".allowed(decision) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(answered(call).is_allowed); }},
    {".reason(decision) -> string", Cost::One,
     [](const Call& call) { return Value::of_string(answered(call).reason); }},
    {".error(decision) -> string", Cost::One,
     [](const Call& call) { return Value::of_string(answered(call).error); }},
    {".errored(decision) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(!answered(call).error.empty()); }},
};

}  // namespace

std::span<const Declaration> authorizer_functions() { return kFunctions; }

Value value_of(const Authorizer& authorizer, const User& user, Memory& memory) {
  return Value::of_opaque(Kind::Authorizer, memory.make(Question{.authorizer = &authorizer, .user = &user}));
}

Value value_of(const Authorizer& authorizer, const AccessRequest& request, Memory& memory) {
  return Value::of_opaque(Kind::ResourceCheck, memory.make(Question{.authorizer = &authorizer,
                                                                    .user = &request.user,
                                                                    .group = request.group,
                                                                    .resource = request.resource,
                                                                    .subresource = request.subresource,
                                                                    .name_space = request.name_space,
                                                                    .name = request.name}));
}

}  // namespace gantry::kube::cel
