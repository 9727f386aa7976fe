// SPDX-License-Identifier: Apache-2.0
#include "kube/access/node_authorizer.h"

#include <gtest/gtest.h>

#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"

namespace gantry::kube {
namespace {

class NodeAuthorizerTest : public ::testing::Test {
 protected:
  void pod(const std::string& name, const std::string& node, const std::string& spec) {
    objects.put(stored::kPods, fmt::format(R"({{"metadata":{{"namespace":"work","name":"{}"}},)"
                                           R"("spec":{{"nodeName":"{}"{}}}}})",
                                           name, node, spec));
  }
  bool may(const std::string& node, AccessRequest request) {
    request.user = {.name = "system:node:" + node, .groups = {"system:nodes"}};
    return authorizer.decide(request).is_allowed();
  }
  bool may_get(const std::string& node, const std::string& resource, const std::string& name,
               const std::string& name_space = "work") {
    return may(node, {.verb = "get", .resource = resource, .name_space = name_space, .name = name});
  }

  kube::testing::TestObjects objects;
  NodeAuthorizer authorizer{objects};
};

TEST_F(NodeAuthorizerTest, ANodeReadsWhatItsPodsName) {
  pod("web", "n1",
      R"(,"serviceAccountName":"sa","imagePullSecrets":[{"name":"pull"}],"containers":[{"env":[{"valueFrom":)"
      R"({"secretKeyRef":{"name":"env"}}}],"envFrom":[{"configMapRef":{"name":"from"}}]}],"volumes":[)"
      R"({"secret":{"secretName":"vol"}},{"projected":{"sources":[{"configMap":{"name":"proj"}}]}}])");
  for (const char* secret : {"pull", "env", "vol"}) {
    EXPECT_TRUE(may_get("n1", "secrets", secret)) << secret;
    EXPECT_FALSE(may_get("n2", "secrets", secret)) << secret;
    EXPECT_FALSE(may_get("n1", "secrets", secret, "home")) << secret;
  }
  EXPECT_TRUE(may_get("n1", "configmaps", "from"));
  EXPECT_TRUE(may_get("n1", "configmaps", "proj"));
  EXPECT_TRUE(may_get("n1", "pods", "web"));
  EXPECT_FALSE(may_get("n2", "pods", "web"));
  EXPECT_FALSE(may("n1", {.verb = "list", .resource = "secrets", .name_space = "work"}));
  EXPECT_FALSE(may("n1", {.verb = "update", .resource = "secrets", .name_space = "work", .name = "vol"}));
  const AccessRequest token = {.verb = "create",
                               .resource = "serviceaccounts",
                               .subresource = "token",
                               .name_space = "work",
                               .name = "sa"};
  EXPECT_TRUE(may("n1", token));
  EXPECT_FALSE(may("n2", token));
}

TEST_F(NodeAuthorizerTest, ItsRightsGoWithThePod) {
  pod("a", "n1", R"(,"imagePullSecrets":[{"name":"s"}])");
  pod("b", "n1", R"(,"imagePullSecrets":[{"name":"s"}])");
  objects.remove(stored::kPods, "work", "a");
  EXPECT_TRUE(may_get("n1", "secrets", "s")) << "the other names it as well";
  pod("b", "n1", "");
  EXPECT_FALSE(may_get("n1", "secrets", "s"));
}

TEST_F(NodeAuthorizerTest, AMirrorPodGivesNothing) {
  objects.put(stored::kPods, R"({"metadata":{"namespace":"work","name":"m","annotations":)"
                             R"({"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n1",)"
                             R"("imagePullSecrets":[{"name":"s"}]}})");
  EXPECT_FALSE(may_get("n1", "secrets", "s"));
  EXPECT_TRUE(may_get("n1", "pods", "m"));
}

TEST_F(NodeAuthorizerTest, ClaimsLeadToVolumesAndTheirSecrets) {
  pod("db", "n1",
      R"(,"volumes":[{"persistentVolumeClaim":{"claimName":"data"}},{"name":"tmp","ephemeral":{}}])");
  objects.put(stored::kPersistentVolumes,
              R"({"metadata":{"name":"pv1"},"spec":{"claimRef":{"namespace":"work","name":"data"},)"
              R"("csi":{"nodePublishSecretRef":{"namespace":"storage","name":"key"}}}})");
  EXPECT_TRUE(may_get("n1", "persistentvolumeclaims", "data"));
  EXPECT_TRUE(may_get("n1", "persistentvolumeclaims", "db-tmp"));
  EXPECT_TRUE(may_get("n1", "persistentvolumes", "pv1", ""));
  EXPECT_TRUE(may_get("n1", "secrets", "key", "storage"));
  EXPECT_FALSE(may_get("n2", "persistentvolumes", "pv1", ""));
  EXPECT_FALSE(may_get("n2", "secrets", "key", "storage"));
  objects.remove(stored::kPersistentVolumes, "", "pv1");
  EXPECT_FALSE(may_get("n1", "secrets", "key", "storage"));
}

TEST_F(NodeAuthorizerTest, ANodeSeesItselfItsLeaseAndItsPods) {
  EXPECT_TRUE(may_get("n1", "nodes", "n1", ""));
  EXPECT_FALSE(may_get("n1", "nodes", "n2", ""));
  EXPECT_FALSE(may("n1", {.verb = "list", .resource = "nodes"}));
  const auto lease = [](std::string name_space, std::string name) {
    return AccessRequest{.verb = "update",
                         .group = "coordination.k8s.io",
                         .resource = "leases",
                         .name_space = std::move(name_space),
                         .name = std::move(name)};
  };
  EXPECT_TRUE(may("n1", lease("kube-node-lease", "n1")));
  EXPECT_FALSE(may("n1", lease("kube-node-lease", "n2")));
  EXPECT_FALSE(may("n1", lease("work", "n1")));
  EXPECT_TRUE(may("n1", {.verb = "watch", .resource = "pods", .fields = {{"spec.nodeName", "n1"}}}));
  EXPECT_FALSE(may("n1", {.verb = "watch", .resource = "pods", .fields = {{"spec.nodeName", "n2"}}}));
  EXPECT_FALSE(may("n1", {.verb = "watch", .resource = "pods"}));
  EXPECT_TRUE(may("n1", {.verb = "list", .resource = "services"})) << "the role of all nodes";
  EXPECT_FALSE(may("n1", {.verb = "delete", .resource = "services", .name_space = "work", .name = "x"}));
}

TEST_F(NodeAuthorizerTest, OthersAreNotItsBusiness) {
  EXPECT_EQ(authorizer.decide({.user = {.name = "alice"}, .verb = "list", .resource = "services"}).opinion,
            Opinion::None);
  EXPECT_FALSE(node_name_of({.name = "system:node:n1"})) << "not of the group";
  EXPECT_FALSE(node_name_of({.name = "system:node:", .groups = {"system:nodes"}}));
}

}  // namespace
}  // namespace gantry::kube
