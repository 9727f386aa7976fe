// SPDX-License-Identifier: Apache-2.0
//
// Who changes an object in a request, and is asked a second time because somebody changed it after him
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
// #reinvocation-policy). When a webhook or a policy has changed the object, the chain has all its plugins do
// their part once more: the built-in ones as the first time, so that what was added gets its defaults, too;
// of those that ask others each asks only who is due.
//
//   Round round(request.reinvocation, name(), request.object);
//   for (const auto& one : all)
//     if (round.is_due(one.name)) {
//       if (ask(one)) round.changed();
//       if (one.may_come_again) round.keep(one.name);
//     }
//   round.end();
//
// For one thread, as the request is.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/json_tree.h"

namespace gantry::kube::admission {

struct Reinvocation {
  // Of one plugin.
  struct Asked {
    std::set<std::string> kept;  // who was asked, and comes again when the object changes
    std::set<std::string> due;
    json::Tree left;  // the object as the plugin left it; null where nobody was kept
  };
  bool is_second = false;
  bool is_wanted = false;  // somebody changed the object
  std::map<std::string, Asked, std::less<>> asked;
};

class Round {
 public:
  // `object`: the request's; may be null. Both are borrowed.
  Round(Reinvocation& state, std::string_view plugin, const json::Tree* object);

  bool is_due(const std::string& who) const { return !state_.is_second || asked_.due.contains(who); }
  // The object was: who was kept before is due.
  void changed();
  void keep(const std::string& who) { asked_.kept.insert(who); }
  void end();

 private:
  void make_due();

  Reinvocation& state_;
  Reinvocation::Asked& asked_;
  const json::Tree* const object_;
};

}  // namespace gantry::kube::admission
