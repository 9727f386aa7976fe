// SPDX-License-Identifier: Apache-2.0
#include "registry/access.h"

#include <algorithm>
#include <array>

namespace gantry::registry {

static constexpr std::array kWords = {std::pair<std::string_view, Action>{"pull", Action::Pull},
                                      std::pair<std::string_view, Action>{"push", Action::Push},
                                      std::pair<std::string_view, Action>{"delete", Action::Delete}};

Actions parse_actions(std::string_view list) {
  Actions actions;
  for (;;) {
    const std::size_t comma = list.find(',');
    const std::string_view word = list.substr(0, comma);
    if (word == "*") return Actions::all();
    for (const auto& [known, action] : kWords)
      if (word == known) actions.add(action);
    if (comma == list.npos) return actions;
    list.remove_prefix(comma + 1);
  }
}

std::string_view word_of(Action action) { return kWords[static_cast<std::size_t>(action)].first; }

Access::Access(const AuthConfig& auth)
    : has_accounts_(!auth.htpasswd.empty() || !auth.issuers.empty()), rules_(auth.rules) {}

static bool names_user(const RuleConfig& rule, std::string_view user) {
  return std::ranges::any_of(rule.users, [&](const std::string& name) {
    return name == "anonymous" || (!user.empty() && (name == "*" || name == user));
  });
}

Actions Access::allowed(std::string_view user, std::string_view repository) const {
  if (rules_.empty()) return has_accounts_ && user.empty() ? Actions() : Actions::all();
  Actions actions;
  for (const RuleConfig& rule : rules_) {
    const auto covers = [&](const std::string& pattern) { return matches(pattern, repository); };
    if (!names_user(rule, user) || std::ranges::none_of(rule.repositories, covers)) continue;
    for (const Action action : rule.actions) actions.add(action);
  }
  return actions;
}

}  // namespace gantry::registry
