// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "kube/admission/plugins.h"
#include "kube/admission/test_request.h"
#include "kube/api/test_objects.h"

namespace gantry::kube::admission {
namespace {

using testing::TestObjects;

class NodeRestrictionTest : public ::testing::Test {
 protected:
  NodeRestrictionTest() {
    objects_.put("nodes", R"({"metadata":{"name":"n1","uid":"u1"}})");
    objects_.put("pods",
                 R"({"metadata":{"namespace":"default","name":"mine","uid":"p"},"spec":{"nodeName":"n1"}})");
    objects_.put("pods",
                 R"({"metadata":{"namespace":"default","name":"other","uid":"p"},"spec":{"nodeName":"n2"}})");
  }
  std::string ask(TestRequest& request) {
    return request.by({.name = "system:node:n1", .groups = {"system:nodes"}}).mutate(*plugin_);
  }
  std::string create(const char* resource, const std::string& object) {
    TestRequest request(resource, object);
    return ask(request);
  }

  TestObjects objects_;
  std::unique_ptr<Plugin> plugin_ = node_restriction(objects_);
};

constexpr const char* kMirrorPod =
    R"({"metadata":{"name":"m","annotations":{"kubernetes.io/config.mirror":"x"},"ownerReferences":)"
    R"([{"apiVersion":"v1","kind":"Node","name":"n1","uid":"u1"}]},"spec":{"nodeName":"n1"}})";

TEST_F(NodeRestrictionTest, says_nothing_to_others) {
  EXPECT_EQ(TestRequest("nodes", R"({"metadata":{"name":"n2"}})").mutate(*plugin_), "");
}

TEST_F(NodeRestrictionTest, wants_to_know_which_node) {
  TestRequest request("configmaps", R"({"metadata":{"name":"c"}})");
  EXPECT_EQ(request.by({.name = "somebody", .groups = {"system:nodes"}}).mutate(*plugin_),
            "configmaps \"c\" is forbidden: could not determine node from user \"somebody\"");
}

TEST_F(NodeRestrictionTest, lets_nodes_make_copies_of_their_own_pods) {
  EXPECT_EQ(create("pods", kMirrorPod), "");
  EXPECT_EQ(create("pods", R"({"metadata":{"name":"m"},"spec":{"nodeName":"n1"}})"),
            "pods \"m\" is forbidden: pod does not have \"kubernetes.io/config.mirror\" annotation, node "
            "\"n1\" can "
            "only create mirror pods");
}

TEST_F(NodeRestrictionTest, lets_nodes_delete_and_update_what_runs_on_them) {
  const auto remove = [&](const char* name) {
    TestRequest request("pods", fmt::format(R"({{"metadata":{{"name":"{}"}}}})", name), Operation::Delete);
    return ask(request);
  };
  EXPECT_EQ(remove("mine"), "");
  EXPECT_EQ(remove("other"),
            "pods \"other\" is forbidden: node \"n1\" can only delete pods with spec.nodeName set to itself");
  TestRequest status("pods", R"({"metadata":{"name":"p"},"spec":{"nodeName":"n2"}})");
  status.from(R"({"metadata":{"name":"p"},"spec":{"nodeName":"n2"}})").to("status");
  EXPECT_NE(ask(status), "");
}

TEST_F(NodeRestrictionTest, lets_nodes_change_themselves_but_for_what_places_pods) {
  EXPECT_EQ(create("nodes", R"({"metadata":{"name":"n2"}})"),
            "nodes \"n2\" is forbidden: node \"n1\" is not allowed to modify node \"n2\"");
  EXPECT_EQ(create("nodes", R"({"metadata":{"name":"n1","labels":{"kubernetes.io/os":"linux","my":"x"}}})"),
            "");
  EXPECT_EQ(
      create("nodes", R"({"metadata":{"name":"n1","labels":{"x.node-restriction.kubernetes.io/a":"1",)"
                      R"("node-role.kubernetes.io/control-plane":""}}})"),
      "nodes \"n1\" is forbidden: is not allowed to modify labels: node-role.kubernetes.io/control-plane, "
      "x.node-restriction.kubernetes.io/a (node \"n1\")");
  TestRequest taints("nodes", R"({"metadata":{"name":"n1"},"spec":{"taints":[{"key":"a"}]}})");
  taints.from(R"({"metadata":{"name":"n1"}})");
  EXPECT_EQ(ask(taints), "nodes \"n1\" is forbidden: node \"n1\" is not allowed to modify taints");
}

TEST_F(NodeRestrictionTest, gives_tokens_for_pods_that_run_there) {
  const auto ask_for = [&](const char* pod) {
    TestRequest request(
        "serviceaccounts",
        fmt::format(R"({{"metadata":{{"name":"sa"}},"spec":{{"boundObjectRef":{{"apiVersion":"v1",)"
                    R"("kind":"Pod","name":"{}","uid":"p"}}}}}})",
                    pod));
    request.to("token");
    return ask(request);
  };
  EXPECT_EQ(ask_for("mine"), "");
  EXPECT_EQ(ask_for("other"),
            "serviceaccounts \"sa\" is forbidden: node requested token bound to a pod scheduled on a "
            "different node");
}

TEST_F(NodeRestrictionTest, lets_nodes_renew_their_own_lease) {
  TestRequest own("leases.coordination.k8s.io", R"({"metadata":{"name":"n1"}})");
  own.request().name_space = "kube-node-lease";
  EXPECT_EQ(ask(own), "");
  EXPECT_NE(create("leases.coordination.k8s.io", R"({"metadata":{"name":"n1"}})"), "");
}

}  // namespace
}  // namespace gantry::kube::admission
