// SPDX-License-Identifier: Apache-2.0
#include "kube/access/rbac.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

#include <fmt/format.h>

#include "base/mutex.h"
#include "kube/access/aggregation.h"
#include "kube/api/stored_kinds.h"

namespace gantry::kube {
namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class T>
using TextMap = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

// Most rules are passed over by their verbs: one bit for each common verb, and one for all others.
using VerbBits = std::uint16_t;

VerbBits bit_of(std::string_view verb) {
  constexpr std::string_view kVerbs[] = {"get",    "list",  "watch",  "create",
                                         "update", "patch", "delete", "deletecollection"};
  const auto* found = std::ranges::find(kVerbs, verb);
  return static_cast<VerbBits>(1U << (found - std::begin(kVerbs)));
}

VerbBits bits_of(const std::vector<std::string>& verbs) {
  VerbBits bits = 0;
  for (const std::string& verb : verbs) bits |= verb == "*" ? VerbBits{0xffff} : bit_of(verb);
  return bits;
}

struct CompiledRule {
  VerbBits verbs;
  PolicyRule rule;
};

std::vector<CompiledRule> compiled(const std::vector<PolicyRule>& rules) {
  std::vector<CompiledRule> result;
  for (const PolicyRule& rule : rules) result.push_back({bits_of(rule.verbs), rule});
  return result;
}

// A place for a role, which bindings may name before it is there.
struct Role {
  bool is_there = false;
  ClusterRole role;
  std::vector<CompiledRule> rules;  // what it allows
};

struct Subject {
  enum class Kind : std::uint8_t { User, Group };
  Kind kind;
  std::string name;
};

struct Binding {
  std::string name_space;  // empty: of the cluster
  std::string name;
  RoleReference reference;
  std::shared_ptr<Role> role;  // with the table of roles
  std::vector<Subject> subjects;
};

std::optional<Subject> subject_of(const json::Tree& subject, std::string_view name_space) {
  const std::string_view kind = subject.text_at("kind"), name = subject.text_at("name");
  if (kind == "User") return Subject{Subject::Kind::User, std::string(name)};
  if (kind == "Group") return Subject{Subject::Kind::Group, std::string(name)};
  if (kind != "ServiceAccount") return std::nullopt;
  const std::string_view own = subject.text_at("namespace");
  return Subject{Subject::Kind::User,
                 fmt::format("system:serviceaccount:{}:{}", own.empty() ? name_space : own, name)};
}

// The bindings of a namespace, or of the cluster, by who is bound.
struct Scope {
  TextMap<std::vector<const Binding*>> users;
  TextMap<std::vector<const Binding*>> groups;

  TextMap<std::vector<const Binding*>>& of(Subject::Kind kind) {
    return kind == Subject::Kind::User ? users : groups;
  }
  bool empty() const { return users.empty() && groups.empty(); }
};

std::string reason_of(const Binding& binding, bool is_user, std::string_view subject) {
  const bool is_of_cluster = binding.name_space.empty();
  return fmt::format("RBAC: allowed by {} \"{}{}{}\" of {} \"{}\" to {} \"{}\"",
                     is_of_cluster ? "ClusterRoleBinding" : "RoleBinding", binding.name,
                     is_of_cluster ? "" : "/", binding.name_space,
                     binding.reference.name_space.empty() ? "ClusterRole" : "Role", binding.reference.name,
                     is_user ? "User" : "Group", subject);
}

}  // namespace

class Rbac::Index {
 public:
  void change_role(const ObjectChange& change) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const RoleReference reference = {std::string(change.name_space), std::string(change.name)};
    Role& role = *role_at(reference);
    const bool is_of_cluster = change.name_space.empty();
    // Either as it was or as it is, it may be part of others.
    if (is_of_cluster && concerns_aggregation(role.role)) has_stale_aggregates_ = true;
    role.is_there = change.object != nullptr;
    role.role = role.is_there ? ClusterRole::from_tree(*change.object) : ClusterRole();
    role.rules = compiled(role.role.rules);
    if (is_of_cluster && concerns_aggregation(role.role)) has_stale_aggregates_ = true;
    if (!role.is_there) forget_if_unused(reference);
  }

  void change_binding(const ObjectChange& change) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    auto& bindings = bindings_[std::string(change.name_space)];
    if (const auto old = bindings.find(change.name); old != bindings.end()) {
      unlink(*old->second);
      const RoleReference reference = old->second->reference;
      bindings.erase(old);
      forget_if_unused(reference);
    }
    if (change.object == nullptr) {
      if (bindings.empty()) bindings_.erase(bindings_.find(change.name_space));
      return;
    }
    auto binding = make_binding(change);
    link(*binding);
    bindings[binding->name] = std::move(binding);
  }

  Decision decide(const AccessRequest& request) EXCLUDES(mutex_) {
    const VerbBits verb = bit_of(request.verb);
    Decision decision;
    MutexLock lock(mutex_);
    refresh_aggregates();
    for_each_binding(request.user, request.name_space,
                     [&](const Binding& binding, bool is_user, std::string_view subject) {
                       for (const CompiledRule& rule : binding.role->rules) {
                         if ((rule.verbs & verb) == 0 || !allows(rule.rule, request)) continue;
                         decision = {.opinion = Opinion::Allow,
                                     .reason = reason_of(binding, is_user, subject)};
                         return false;
                       }
                       return true;
                     });
    return decision;
  }

  std::vector<PolicyRule> rules_of(const User& user, std::string_view name_space) EXCLUDES(mutex_) {
    std::vector<PolicyRule> rules;
    MutexLock lock(mutex_);
    refresh_aggregates();
    for_each_binding(user, name_space,
                     [&](const Binding& binding, bool /*is_user*/, std::string_view /*subject*/) {
                       for (const CompiledRule& rule : binding.role->rules) rules.push_back(rule.rule);
                       return true;
                     });
    return rules;
  }

  std::optional<std::vector<PolicyRule>> rules_of(const RoleReference& reference) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    refresh_aggregates();
    const Role* role = find_role(reference);
    if (role == nullptr || !role->is_there) return std::nullopt;
    std::vector<PolicyRule> rules;
    for (const CompiledRule& rule : role->rules) rules.push_back(rule.rule);
    return rules;
  }

 private:
  // Those of the cluster first. `visit` says whether to go on.
  template <class Visit>
  void for_each_binding(const User& user, std::string_view name_space, Visit visit) REQUIRES(mutex_) {
    for (const std::string_view scope_name : {std::string_view(), name_space}) {
      if (const auto scope = scopes_.find(scope_name); scope != scopes_.end()) {
        if (!visit_all(scope->second.users, user.name, true, visit)) return;
        for (const std::string& group : user.groups)
          if (!visit_all(scope->second.groups, group, false, visit)) return;
      }
      if (name_space.empty()) return;
    }
  }
  template <class Visit>
  static bool visit_all(const TextMap<std::vector<const Binding*>>& bindings, std::string_view subject,
                        bool is_user, Visit& visit) {
    const auto found = bindings.find(subject);
    if (found == bindings.end()) return true;
    return std::ranges::all_of(found->second,
                               [&](const Binding* binding) { return visit(*binding, is_user, subject); });
  }

  std::unique_ptr<Binding> make_binding(const ObjectChange& change) REQUIRES(mutex_) {
    auto binding = std::make_unique<Binding>();
    binding->name_space = change.name_space;
    binding->name = change.name;
    const bool is_of_cluster = change.object->text_at("roleRef", "kind") == "ClusterRole";
    binding->reference = {is_of_cluster ? std::string() : binding->name_space,
                          std::string(change.object->text_at("roleRef", "name"))};
    binding->role = role_at(binding->reference);
    if (const json::Tree* subjects = change.object->find("subjects"))
      for (const json::Tree& subject : subjects->array())
        if (auto known = subject_of(subject, change.name_space))
          binding->subjects.push_back(*std::move(known));
    return binding;
  }

  void link(const Binding& binding) REQUIRES(mutex_) {
    Scope& scope = scopes_[binding.name_space];
    for (const Subject& subject : binding.subjects) scope.of(subject.kind)[subject.name].push_back(&binding);
  }

  void unlink(const Binding& binding) REQUIRES(mutex_) {
    const auto scope = scopes_.find(binding.name_space);
    for (const Subject& subject : binding.subjects) {
      auto& bindings = scope->second.of(subject.kind);
      const auto found = bindings.find(subject.name);
      if (found == bindings.end()) continue;  // it named the subject twice
      std::erase(found->second, &binding);
      if (found->second.empty()) bindings.erase(found);
    }
    if (scope->second.empty()) scopes_.erase(scope);
  }

  std::shared_ptr<Role>& role_at(const RoleReference& reference) REQUIRES(mutex_) {
    std::shared_ptr<Role>& role = roles_[reference.name_space][reference.name];
    if (role == nullptr) role = std::make_shared<Role>();
    return role;
  }
  const Role* find_role(const RoleReference& reference) const REQUIRES(mutex_) {
    const auto scope = roles_.find(reference.name_space);
    if (scope == roles_.end()) return nullptr;
    const auto role = scope->second.find(reference.name);
    return role == scope->second.end() ? nullptr : role->second.get();
  }
  // A role that is neither there nor named by a binding.
  void forget_if_unused(const RoleReference& reference) REQUIRES(mutex_) {
    const auto scope = roles_.find(reference.name_space);
    if (scope == roles_.end()) return;
    const auto role = scope->second.find(reference.name);
    if (role == scope->second.end() || role->second->is_there || role->second.use_count() > 1) return;
    scope->second.erase(role);
    if (scope->second.empty()) roles_.erase(scope);
  }

  // Only roles with a label can be part of another.
  static bool concerns_aggregation(const ClusterRole& role) {
    return role.is_aggregated || !role.labels.object().empty();
  }

  void refresh_aggregates() REQUIRES(mutex_) {
    if (!has_stale_aggregates_) return;
    has_stale_aggregates_ = false;
    std::vector<const ClusterRole*> all;
    std::vector<Role*> aggregated;
    for (const auto& [name, role] : roles_[""]) {
      if (concerns_aggregation(role->role)) all.push_back(&role->role);
      if (role->role.is_aggregated) aggregated.push_back(role.get());
    }
    for (Role* role : aggregated) role->rules = compiled(aggregated_rules(role->role, all));
  }

  Mutex mutex_;                                                       // guards what follows
  TextMap<TextMap<std::shared_ptr<Role>>> roles_ GUARDED_BY(mutex_);  // by namespace, by name
  TextMap<TextMap<std::unique_ptr<Binding>>> bindings_ GUARDED_BY(mutex_);
  TextMap<Scope> scopes_ GUARDED_BY(mutex_);  // by namespace
  bool has_stale_aggregates_ GUARDED_BY(mutex_) = false;
};

Rbac::Rbac(ObjectSource& objects) : index_(std::make_unique<Index>()) {
  Index* index = index_.get();
  for (const char* roles : {stored::kClusterRoles, stored::kRoles})
    followers_.push_back(
        objects.follow(roles, [index](const ObjectChange& change) { index->change_role(change); }));
  for (const char* bindings : {stored::kClusterRoleBindings, stored::kRoleBindings})
    followers_.push_back(
        objects.follow(bindings, [index](const ObjectChange& change) { index->change_binding(change); }));
}

Rbac::~Rbac() = default;

Decision Rbac::decide(const AccessRequest& request) const { return index_->decide(request); }

void Rbac::list_rules(const User& user, std::string_view name_space, RuleList& list) const {
  for (PolicyRule& rule : index_->rules_of(user, name_space)) list.rules.push_back(std::move(rule));
}

std::optional<std::vector<PolicyRule>> Rbac::rules_of(const RoleReference& role) const {
  return index_->rules_of(role);
}

std::vector<PolicyRule> Rbac::rules_of(const User& user, std::string_view name_space) const {
  return index_->rules_of(user, name_space);
}

}  // namespace gantry::kube
