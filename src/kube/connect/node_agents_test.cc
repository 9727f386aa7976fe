// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/node_agents.h"

#include <gtest/gtest.h>

#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"

namespace gantry::kube {
namespace {

constexpr const char* kNode = R"({"metadata":{"name":"n1"},"status":{
  "addresses":[{"type":"InternalIP","address":"10.0.0.1"},{"type":"Hostname","address":"n1.example"}],
  "daemonEndpoints":{"kubeletEndpoint":{"Port":10255}}}})";

TEST(NodeAgents, AreWhereTheirNodeSays) {
  testing::TestObjects objects;
  objects.put(stored::kNodes, kNode);
  const NodeAgents agents({}, objects);
  const auto agent = agents.find("n1");
  ASSERT_TRUE(agent);
  EXPECT_EQ(agent->url("/pods", {}).str(), "https://n1.example:10255/pods");
  EXPECT_FALSE(agent->takes_tunnels);
  const NodeAgents by_address({.address_types = {"ExternalIP", "InternalIP"}}, objects);
  EXPECT_EQ(by_address.find("n1")->host, "10.0.0.1");
}

TEST(NodeAgents, ListenWhereAgentsUsuallyDo) {
  testing::TestObjects objects;
  objects.put(stored::kNodes, R"({"metadata":{"name":"n1"},"status":{
    "addresses":[{"type":"InternalIP","address":"fd00::1"}],"declaredFeatures":["ExtendWebSocketsToKubelet"]}})");
  const auto agent = NodeAgents({}, objects).find("n1");
  ASSERT_TRUE(agent);
  EXPECT_EQ(agent->url("/", {}).str(), "https://[fd00::1]:10250/");
  EXPECT_TRUE(agent->takes_tunnels);
}

TEST(NodeAgents, AreNotFoundWithoutANodeOrAnAddress) {
  testing::TestObjects objects;
  objects.put(stored::kNodes, kNode);
  EXPECT_EQ(NodeAgents({}, objects).find("n2").error()->message, "nodes \"n2\" not found");
  const auto none = NodeAgents({.address_types = {"ExternalIP"}}, objects).find("n1");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error()->code, 500);
  EXPECT_TRUE(none.error()->message.contains("no preferred addresses found")) << none.error()->message;
}

}  // namespace
}  // namespace gantry::kube
