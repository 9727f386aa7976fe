// SPDX-License-Identifier: Apache-2.0
//
// Which requests belong together: a FlowSchema of flowcontrol.apiserver.k8s.io/v1
// (https://kubernetes.io/docs/concepts/cluster-administration/flow-control/).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/api/user.h"

namespace gantry::kube {

struct FlowSchema {
  enum class Distinguisher : std::uint8_t { None, User, Namespace };
  struct Subject {
    std::string kind;  // "User", "Group" or "ServiceAccount"
    std::string name_space;
    std::string name;  // "*": all

    bool is(const User& user) const;
  };
  struct ResourceRule {
    std::vector<std::string> verbs, groups, resources, namespaces;
    bool is_for_cluster = false;

    bool has(const AccessRequest& request) const;
  };
  struct PathRule {
    std::vector<std::string> verbs, paths;

    bool has(const AccessRequest& request) const;
  };
  struct Rule {
    std::vector<Subject> subjects;
    std::vector<ResourceRule> resources;
    std::vector<PathRule> paths;

    bool has(const AccessRequest& request) const;
  };

  std::string name;
  std::string uid;
  std::string level;
  std::int64_t precedence = 1000;  // the lowest that matches counts, of equal ones the first name
  Distinguisher distinguisher = Distinguisher::None;
  std::vector<Rule> rules;

  static FlowSchema from_tree(const json::Tree& schema);
  bool matches(const AccessRequest& request) const;
  // What tells the flows of this schema apart: requests of one of them stand in line behind each other.
  std::string_view flow_of(const AccessRequest& request) const;
};

}  // namespace gantry::kube
