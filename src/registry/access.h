// SPDX-License-Identifier: Apache-2.0
//
// Who may do what in which repository, by the rules of the configuration. Pure; knows no HTTP.
//
//   Access access(config.auth);
//   if (!access.allows(user, "team/web", Action::Push)) ...
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "registry/config.h"

namespace gantry::registry {

// Several actions at once, as a token grants them.
class Actions {
 public:
  constexpr Actions() = default;
  constexpr Actions(std::initializer_list<Action> actions) {
    for (const Action action : actions) add(action);
  }
  static constexpr Actions all() { return {Action::Pull, Action::Push, Action::Delete}; }
  constexpr void add(Action action) { bits_ |= bit(action); }
  constexpr bool has(Action action) const { return (bits_ & bit(action)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr Actions operator&(Actions other) const { return Actions(bits_ & other.bits_); }
  constexpr Actions operator|(Actions other) const { return Actions(bits_ | other.bits_); }
  constexpr bool operator==(const Actions&) const = default;

 private:
  constexpr explicit Actions(unsigned bits) : bits_(static_cast<std::uint8_t>(bits)) {}
  static constexpr std::uint8_t bit(Action action) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(action));
  }
  std::uint8_t bits_ = 0;
};

// "pull,push"; words that are not known are left out, "*" is all of them.
Actions parse_actions(std::string_view list);
std::string_view word_of(Action action);

class Access {
 public:
  explicit Access(const AuthConfig& auth);

  // `user` is empty for somebody who did not say who they are.
  Actions allowed(std::string_view user, std::string_view repository) const;
  bool allows(std::string_view user, std::string_view repository, Action action) const {
    return allowed(user, repository).has(action);
  }

 private:
  bool has_accounts_;
  std::vector<RuleConfig> rules_;
};

}  // namespace gantry::registry
