// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

TEST(CustomResourceDefinition, IsNamedAfterWhatItDefines) {
  const Resource definitions = resource("apiextensions.k8s.io", "CustomResourceDefinition", false);
  json::Tree definition = object(
      R"("spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"things","singular":"thing","kind":"Thing","listKind":"ThingList"},)"
      R"("versions":[{"name":"v1","storage":true,"served":true}]})",
      "");
  EXPECT_EQ(faults(definitions, definition),
            "metadata.name: Invalid value: \"web\": must be spec.names.plural+\".\"+spec.group");
  definition.object()["metadata"].object()["name"] = "things.example.com";
  EXPECT_EQ(faults(definitions, definition), "");
  json::Tree other = definition;
  other.object()["spec"].object()["scope"] = "Cluster";
  other.object()["spec"].object()["versions"].array().front().object()["storage"] = false;
  EXPECT_EQ(faults(definitions, other, &definition),
            "spec.versions: Invalid value: [{\"name\":\"v1\",\"served\":true,\"storage\":false}]: must have "
            "exactly one version marked "
            "as storage version");
  definition.object()["status"] =
      tree(R"({"storedVersions":["v1"],"conditions":[{"type":"Established","status":"True"}]})");
  other.object()["spec"].object()["versions"].array().front().object()["storage"] = true;
  other.object()["status"] = *definition.find("status");
  EXPECT_EQ(faults(definitions, other, &definition),
            "spec.scope: Invalid value: \"Cluster\": field is immutable");
}

TEST(CustomResourceDefinition, OfTheCommunityIsApproved) {
  const Resource definitions = resource("apiextensions.k8s.io", "CustomResourceDefinition", false);
  json::Tree definition = object(
      R"("spec":{"group":"x.k8s.io","scope":"Cluster","names":{"plural":"things","singular":"thing","kind":"Thing","listKind":"ThingList"},)"
      R"("versions":[{"name":"v1","storage":true,"served":true}]})",
      "");
  json::TreeObject& metadata = definition.object()["metadata"].object();
  metadata["name"] = "things.x.k8s.io";
  EXPECT_EQ(
      faults(definitions, definition),
      "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval "
      "annotation \"api-approved.kubernetes.io\", see "
      "https://github.com/kubernetes/enhancements/pull/1111");
  json::Tree& approval = metadata["annotations"].object()["api-approved.kubernetes.io"];
  for (const char* good : {"unapproved, an experiment", "https://github.com/kubernetes/kubernetes/pull/1"}) {
    approval = good;
    EXPECT_EQ(faults(definitions, definition), "") << good;
  }
  approval = "yes";
  EXPECT_EQ(
      faults(definitions, definition),
      "metadata.annotations[api-approved.kubernetes.io]: Invalid value: \"yes\": protected groups must have "
      "approval annotation \"api-approved.kubernetes.io\" with either a URL or a reason starting with "
      "\"unapproved\", see https://github.com/kubernetes/enhancements/pull/1111");
}

json::Tree widgets(const std::string& more) {
  json::Tree definition = object(
      R"("spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"things","singular":"thing","kind":"Thing","listKind":"ThingList"},)"
      R"("versions":[{"name":"v2","storage":true,"served":true}])" +
          more,
      "");
  definition.object()["metadata"].object()["name"] = "things.example.com";
  return definition;
}

TEST(CustomResourceDefinition, AConversionIsByNobodyOrByAWebhook) {
  const Resource definitions = resource("apiextensions.k8s.io", "CustomResourceDefinition", false);
  const auto wrong = [&](const std::string& conversion) {
    return faults(definitions, widgets(R"(,"conversion":)" + conversion + "}"));
  };
  EXPECT_EQ(wrong(R"({"strategy":"None"})"), "");
  EXPECT_EQ(wrong(R"({"strategy":"Webhook","webhook":{"clientConfig":{"url":"https://a/"},)"
                  R"("conversionReviewVersions":["v7","v1"]}})"),
            "");
  EXPECT_EQ(wrong(R"({"strategy":"Webhook"})"),
            "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook\n"
            "spec.conversion.webhook.conversionReviewVersions: Required value");
  EXPECT_EQ(
      wrong(R"({"strategy":"None","webhook":{"conversionReviewVersions":["v1"]}})"),
      "spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to "
      "Webhook");
}

TEST(CustomResourceDefinition, AVersionThatWasStoredOnceStays) {
  const Resource definitions = resource("apiextensions.k8s.io", "CustomResourceDefinition", false);
  EXPECT_EQ(faults(definitions, widgets(R"(},"status":{"storedVersions":["v2"]})")), "");
  EXPECT_EQ(
      faults(definitions, widgets(R"(},"status":{"storedVersions":["v1"]})")),
      "status.storedVersions: Invalid value: [\"v1\"]: must have the storage version v2\n"
      "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions; v1 was previously a "
      "storage version, and must remain in spec.versions until a storage migration ensures no data remains "
      "persisted in v1 and removes v1 from status.storedVersions");
  json::Tree made = widgets("}");
  prepare({definitions, "", nullptr}, made);
  EXPECT_EQ(made.find("status", "storedVersions")->to_text(), R"(["v2"])");
}

TEST(ApiService, IsNamedAfterItsGroupAndVersion) {
  const Resource services = resource("apiregistration.k8s.io", "APIService", false);
  const auto faults_of = [&](std::string_view name, const std::string& spec) {
    json::Tree service = object("\"spec\":{" + spec + "}", "");
    service.object()["metadata"].object()["name"] = name;
    return faults(services, service);
  };
  EXPECT_EQ(faults_of("v1.", R"("version":"v1","groupPriorityMinimum":18000,"versionPriority":1)"), "");
  const std::string far =
      R"("group":"far.example.com","version":"v1","groupPriorityMinimum":1,"versionPriority":1)";
  EXPECT_EQ(faults_of("v1.far.example.com",
                      far + R"(,"caBundle":"eA==","service":{"namespace":"a","name":"far","port":443})"),
            "");
  EXPECT_EQ(faults_of("v2.far.example.com",
                      far + R"(,"service":{"port":0},"caBundle":"eA==","insecureSkipTLSVerify":true)"),
            "metadata.name: Invalid value: \"v2.far.example.com\": must be "
            "`spec.version+\".\"+spec.group`: \"v1.far.example.com\"\n"
            "spec.service.namespace: Required value\nspec.service.name: Required value\n"
            "spec.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive\n"
            "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present");
  EXPECT_EQ(
      faults_of(
          "v1.far.example.com",
          R"("group":"far.example.com","version":"v1","groupPriorityMinimum":0,"versionPriority":2000,"caBundle":"eA==")"),
      "spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000\n"
      "spec.versionPriority: Invalid value: 2000: must be positive and less than 1000\n"
      "spec.caBundle: Invalid value: \"1 bytes\": local APIServices may not have a caBundle");
}

}  // namespace
}  // namespace gantry::kube::rules
