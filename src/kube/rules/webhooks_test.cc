// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

const Resource& hooks() {
  static const Resource kResource =
      resource("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", false);
  return kResource;
}

// Of a webhook that is as it should be but for `more`.
std::string wrong(const std::string& more, const std::string& rule = R"("resources":["pods"])",
                  const std::string& config = R"("url":"https://x")") {
  return faults(
      hooks(),
      object(
          R"("webhooks":[{"name":"a.b.c","sideEffects":"None","admissionReviewVersions":["v1"],"clientConfig":{)" +
              config + R"(},"rules":[{"operations":["CREATE"],"apiGroups":[""],"apiVersions":["v1"],)" +
              rule + "}]" + more + "}]",
          ""));
}

TEST(WebhookConfiguration, SaysWhomToAskAboutWhat) {
  EXPECT_EQ(wrong(""), "");
  EXPECT_EQ(
      faults(
          hooks(),
          object(
              R"("webhooks":[{"name":"a.b","sideEffects":"Some","admissionReviewVersions":["v7","v7"],"clientConfig":{},"timeoutSeconds":60,)"
              R"("rules":[{"operations":["*","CREATE"],"apiGroups":["*","apps"],"apiVersions":["*","v1"],"resources":[]}]}])",
              "")),
      "webhooks[0].name: Invalid value: \"a.b\": should be a domain with at least three segments separated "
      "by dots\n"
      "webhooks[0].rules[0].operations: Invalid value: [\"*\",\"CREATE\"]: if '*' is present, must not "
      "specify other operations\n"
      "webhooks[0].rules[0].apiGroups: Invalid value: [\"*\",\"apps\"]: if '*' is present, must not specify "
      "other API groups\n"
      "webhooks[0].rules[0].apiVersions: Invalid value: [\"*\",\"v1\"]: if '*' is present, must not specify "
      "other API versions\n"
      "webhooks[0].rules[0].resources: Required value\n"
      "webhooks[0].sideEffects: Unsupported value: \"Some\": supported values: \"None\", \"NoneOnDryRun\"\n"
      "webhooks[0].timeoutSeconds: Invalid value: 60: the timeout value must be between 1 and 30 seconds\n"
      "webhooks[0].clientConfig: Required value: exactly one of url or service is required\n"
      "webhooks[0].admissionReviewVersions[1]: Invalid value: \"v7\": duplicate version\n"
      "webhooks[0].admissionReviewVersions: Invalid value: [\"v7\",\"v7\"]: must include at least one of v1, "
      "v1beta1");
}

struct Wrong {
  const char* given;
  const char* message;
};

TEST(WebhookConfiguration, ResourcesAreSaidOnce) {
  constexpr Wrong kWrong[] = {
      {R"(["pods","pods/log"])", ""},
      {R"(["*/*","pods"])",
       "webhooks[0].rules[0].resources: Invalid value: [\"*/*\",\"pods\"]: if '*/*' is present, must not "
       "specify "
       "other resources"},
      {R"(["*","pods"])",
       "webhooks[0].rules[0].resources: Invalid value: [\"*\",\"pods\"]: if '*' is present, must not specify "
       "other resources without subresources"},
      {R"(["pods/*","pods/log"])",
       "webhooks[0].rules[0].resources[1]: Invalid value: \"pods/log\": if 'pods/*' is present, must not "
       "specify "
       "pods/log"},
      {R"(["*/scale","pods/scale"])",
       "webhooks[0].rules[0].resources[1]: Invalid value: \"pods/scale\": if '*/scale' is present, must not "
       "specify pods/scale"},
      {R"([""])", "webhooks[0].rules[0].resources[0]: Required value"}};
  for (const Wrong& one : kWrong)
    EXPECT_EQ(wrong("", std::string(R"("resources":)") + one.given), one.message) << one.given;
}

TEST(WebhookConfiguration, IsReachedByHttps) {
  constexpr Wrong kWrong[] = {
      {R"("url":"https://example.com/path")", ""},
      {R"("url":"http://example.com")",
       "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; "
       "desired "
       "format: https://host[/path]"},
      {R"("url":"https:///x")",
       "webhooks[0].clientConfig.url: Invalid value: \"\": host must be specified; desired format: "
       "https://host[/path]"},
      {R"("url":"https://me@example.com/?a=b#c")",
       "webhooks[0].clientConfig.url: Invalid value: \"me\": user information is not permitted in the URL\n"
       "webhooks[0].clientConfig.url: Invalid value: \"c\": fragments are not permitted in the URL\n"
       "webhooks[0].clientConfig.url: Invalid value: \"a=b\": query parameters are not permitted in the URL"},
      {R"("service":{"port":0,"path":"a//b"})",
       "webhooks[0].clientConfig.service.name: Required value\n"
       "webhooks[0].clientConfig.service.namespace: Required value\n"
       "webhooks[0].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and "
       "65535, "
       "inclusive\n"
       "webhooks[0].clientConfig.service.path: Invalid value: \"a//b\": must start with a '/'\n"
       "webhooks[0].clientConfig.service.path: Invalid value: \"a//b\": segment[0] may not be empty\n"
       "webhooks[0].clientConfig.service.path: Invalid value: \"a//b\": segment[1] may not be empty"}};
  for (const Wrong& one : kWrong)
    EXPECT_EQ(wrong("", R"("resources":["pods"])", one.given), one.message) << one.given;
}

TEST(WebhookConfiguration, ConditionsHaveNames) {
  EXPECT_EQ(
      wrong(R"(,"matchConditions":[{"name":"a","expression":"true"},{"name":"a","expression":" "},{}])"),
      "webhooks[0].matchConditions[1].expression: Required value\n"
      "webhooks[0].matchConditions[1].name: Duplicate value: \"a\"\n"
      "webhooks[0].matchConditions[2].expression: Required value\n"
      "webhooks[0].matchConditions[2].name: Required value");
}

}  // namespace
}  // namespace gantry::kube::rules
