// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

TEST(WebhookConfiguration, SaysWhomToAskAboutWhat) {
  const Resource hooks = resource("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", false);
  EXPECT_EQ(
      faults(
          hooks,
          object(
              R"("webhooks":[{"name":"a.b.c","sideEffects":"None","admissionReviewVersions":["v1"],"clientConfig":{"url":"https://x"},)"
              R"("rules":[{"operations":["CREATE"],"apiGroups":[""],"apiVersions":["v1"],"resources":["pods"]}]}])",
              "")),
      "");
  EXPECT_EQ(
      faults(
          hooks,
          object(
              R"("webhooks":[{"name":"a.b","sideEffects":"Some","admissionReviewVersions":["v7"],"clientConfig":{},"timeoutSeconds":60,)"
              R"("rules":[{"operations":["*","CREATE"],"apiGroups":[""],"apiVersions":["v1"],"resources":[]}]}])",
              "")),
      "webhooks[0].name: Invalid value: \"a.b\": should be a domain with at least three segments separated "
      "by dots\n"
      "webhooks[0].admissionReviewVersions: Invalid value: [\"v7\"]: must include at least one of v1, "
      "v1beta1\n"
      "webhooks[0].rules[0].operations: Invalid value: [\"*\",\"CREATE\"]: if '*' is present, must not "
      "specify other values\n"
      "webhooks[0].rules[0].resources: Required value\n"
      "webhooks[0].sideEffects: Unsupported value: \"Some\": supported values: \"None\", \"NoneOnDryRun\"\n"
      "webhooks[0].timeoutSeconds: Invalid value: 60: the timeout value must be between 1 and 30 seconds\n"
      "webhooks[0].clientConfig: Required value: exactly one of url or service is required");
}

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
            "as storage version\n"
            "spec.scope: Invalid value: \"Cluster\": field is immutable");
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
            "spec.service.port: Invalid value: 0: must be between 1 and 65535, inclusive\n"
            "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present");
  EXPECT_EQ(
      faults_of(
          "v1.far.example.com",
          R"("group":"far.example.com","version":"v1","groupPriorityMinimum":0,"versionPriority":2000,"caBundle":"eA==")"),
      "spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000\n"
      "spec.versionPriority: Invalid value: 2000: must be positive and less than 1000\n"
      "spec.caBundle: Invalid value: \"eA==\": local APIServices may not have a caBundle");
}

}  // namespace
}  // namespace gantry::kube::rules
