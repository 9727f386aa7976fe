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

}  // namespace
}  // namespace gantry::kube::rules
