// SPDX-License-Identifier: Apache-2.0
//
// What a node agent may do (https://kubernetes.io/docs/reference/access-authn-authz/node/): users
// "system:node:NAME" of the group system:nodes read what the pods bound to them name, and nothing of others.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "kube/access/authorizer.h"
#include "kube/api/object_source.h"

namespace gantry::kube {

// The node's name, if that user is a node.
std::optional<std::string_view> node_name_of(const User& user);

class NodeAuthorizer final : public Authorizer {
 public:
  explicit NodeAuthorizer(ObjectSource& objects);
  NodeAuthorizer(const NodeAuthorizer&) = delete;
  NodeAuthorizer& operator=(const NodeAuthorizer&) = delete;
  ~NodeAuthorizer() override;

  Decision decide(const AccessRequest& request) const override;
  // A node's rights cannot be listed.
  void list_rules(const User& user, std::string_view name_space, RuleList& list) const override;

 private:
  class Graph;
  std::optional<Decision> decide_by_object(std::string_view node, const AccessRequest& request) const;
  Decision decide_by_graph(std::string_view node, const AccessRequest& request) const;
  Decision decide_get(std::string_view node, const AccessRequest& request) const;
  Decision decide_read(std::string_view node, const AccessRequest& request) const;
  Decision decide_token(std::string_view node, const AccessRequest& request) const;
  Decision decide_pod(std::string_view node, const AccessRequest& request) const;

  const std::vector<PolicyRule> rules_;  // what every node may do, whatever its name
  const std::unique_ptr<Graph> graph_;
  std::vector<std::unique_ptr<ObjectFollower>> followers_;  // after graph_, which they tell
};

}  // namespace gantry::kube
