// SPDX-License-Identifier: Apache-2.0
#include "kube/fairness/stock_flows.h"
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

const Resource& schemas() {
  static const Resource kResource = resource("flowcontrol.apiserver.k8s.io", "FlowSchema", false);
  return kResource;
}
const Resource& levels() {
  static const Resource kResource =
      resource("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration", false);
  return kResource;
}

std::string schema_faults(const std::string& rule) {
  return faults(
      schemas(),
      object(R"("spec":{"matchingPrecedence":2,"priorityLevelConfiguration":{"name":"a"},"rules":[)" + rule +
                 "]}",
             ""));
}
std::string level_faults(const std::string& spec) {
  return faults(levels(), object(R"("spec":{)" + spec + "}", ""));
}

struct Wrong {
  const char* given;
  const char* message;
};

TEST(FlowSchema, SaysWhoseRequestsItHas) {
  constexpr Wrong kWrong[] = {
      {R"({"subjects":[{"kind":"User","user":{"name":"jane"}}],"resourceRules":[{"verbs":["get"],"apiGroups":[""],"resources":["pods"],"namespaces":["*"]}]})",
       ""},
      {"{}",
       "spec.rules[0].subjects: Required value: subjects must contain at least one value\n"
       "spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be "
       "non-empty"},
      {R"({"subjects":[{"kind":"Robot"},{"kind":"User","group":{"name":"g"}},{"kind":"ServiceAccount","serviceAccount":{"name":"A"}}],)"
       R"("nonResourceRules":[{"verbs":["peek"],"nonResourceURLs":["healthz","/a b","/a//b","/a*"]}]})",
       "spec.rules[0].subjects[0].kind: Unsupported value: \"Robot\": supported values: \"Group\", "
       "\"ServiceAccount\", \"User\"\n"
       "spec.rules[0].subjects[1].user: Required value: user is required when subject kind is 'User'\n"
       "spec.rules[0].subjects[1].group: Forbidden: group is forbidden when subject kind is not 'Group'\n"
       "spec.rules[0].subjects[2].serviceAccount.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain "
       "must "
       "consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
       "alphanumeric "
       "character (e.g. 'example.com', regex used for validation is "
       "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')\n"
       "spec.rules[0].subjects[2].serviceAccount.namespace: Required value: must specify namespace for "
       "service "
       "account\n"
       "spec.rules[0].nonResourceRules[0].verbs: Unsupported value: [\"peek\"]: supported values: "
       "\"create\", "
       "\"delete\", \"deletecollection\", \"get\", \"list\", \"patch\", \"proxy\", \"update\", \"watch\"\n"
       "spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: \"healthz\": must start with "
       "slash\n"
       "spec.rules[0].nonResourceRules[0].nonResourceURLs[1]: Invalid value: \"/a b\": must not contain "
       "white-space\n"
       "spec.rules[0].nonResourceRules[0].nonResourceURLs[2]: Invalid value: \"/a//b\": must not contain "
       "double "
       "slash\n"
       "spec.rules[0].nonResourceRules[0].nonResourceURLs[3]: Invalid value: \"/a*\": wildcard can only do "
       "suffix "
       "matching"},
      {R"({"subjects":[{"kind":"Group","group":{"name":""}}],"resourceRules":[{"verbs":["*","get"],"apiGroups":["*",""],"resources":[]}]})",
       "spec.rules[0].subjects[0].group.name: Required value\n"
       "spec.rules[0].resourceRules[0].verbs: Invalid value: [\"*\",\"get\"]: if '*' is present, must not "
       "specify "
       "other verbs\n"
       "spec.rules[0].resourceRules[0].apiGroups: Invalid value: [\"*\",\"\"]: if '*' is present, must not "
       "specify "
       "other api groups\n"
       "spec.rules[0].resourceRules[0].resources: Required value: resource rules must supply at least one "
       "resource\n"
       "spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster "
       "scoped must "
       "supply at least one namespace"}};
  for (const Wrong& one : kWrong) EXPECT_EQ(schema_faults(one.given), one.message) << one.given;
}

TEST(FlowSchema, HasAPlaceAndALevel) {
  EXPECT_EQ(
      faults(schemas(),
             object(R"("spec":{"matchingPrecedence":1,"distinguisherMethod":{"type":"ByName"}})", "")),
      "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have "
      "matchingPrecedence 1\n"
      "spec.distinguisherMethod.type: Unsupported value: \"ByName\": supported values: \"ByNamespace\", "
      "\"ByUser\"\n"
      "spec.priorityLevelConfiguration.name: Required value: must reference a priority level");
  EXPECT_EQ(
      faults(schemas(),
             object(R"("spec":{"matchingPrecedence":10001,"priorityLevelConfiguration":{"name":"a"}})", "")),
      "spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000");
}

// Requests that find no other place find these.
TEST(FlowControl, WhatMustBeThereStaysAsItIs) {
  for (StockObject& stock : stock_flows()) {
    const Resource& kind = stock.object.text_at("kind") == "FlowSchema" ? schemas() : levels();
    EXPECT_EQ(faults(kind, stock.object), "") << stock.object.to_text();
    const std::string name(stock.object.text_at("metadata", "name"));
    if (name != "exempt" && name != "catch-all") continue;
    json::TreeObject& spec = stock.object.object()["spec"].object();
    if (&kind == &schemas())
      spec["matchingPrecedence"] = 2;
    else
      spec["limited"].object()["lendablePercent"] = 7;
    EXPECT_NE(faults(kind, stock.object).find("must equal the fixed value"), std::string::npos) << name;
  }
}

TEST(PriorityLevelConfiguration, LimitsRequests) {
  constexpr Wrong kWrong[] = {
      {R"("type":"Limited","limited":{"nominalConcurrencyShares":5,"limitResponse":{"type":"Queue","queuing":{"queues":64,"handSize":6,"queueLengthLimit":50}}})",
       ""},
      {R"("type":"Exempt")",
       "spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'"},
      {R"("type":"Other")",
       "spec.type: Unsupported value: \"Other\": supported values: \"Exempt\", \"Limited\""},
      {R"("type":"Limited","exempt":{})",
       "spec.exempt: Forbidden: must be nil if the type is Limited\n"
       "spec.limited: Required value: must not be empty when type is Limited"},
      {R"("type":"Limited","limited":{"nominalConcurrencyShares":-1,"lendablePercent":101,"borrowingLimitPercent":-1,"limitResponse":{"type":"Reject","queuing":{}}})",
       "spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer\n"
       "spec.limited.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not "
       "Limited\n"
       "spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive\n"
       "spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer"},
      {R"("type":"Limited","limited":{"limitResponse":{"type":"Queue","queuing":{"queues":10000001,"handSize":9,"queueLengthLimit":0}}})",
       "spec.limited.limitResponse.queuing.queueLengthLimit: Invalid value: 0: must be positive\n"
       "spec.limited.limitResponse.queuing.queues: Invalid value: 10000001: must not be greater than "
       "10000000\n"
       "spec.limited.limitResponse.queuing.handSize: Invalid value: 9: required entropy bits of deckSize "
       "10000001 "
       "and handSize 9 should not be greater than 60"},
      {R"("type":"Limited","limited":{"limitResponse":{"type":"Queue","queuing":{"queues":4,"handSize":5,"queueLengthLimit":1}}})",
       "spec.limited.limitResponse.queuing.handSize: Invalid value: 5: should not be greater than queues "
       "(4)"}};
  for (const Wrong& one : kWrong) EXPECT_EQ(level_faults(one.given), one.message) << one.given;
}

}  // namespace
}  // namespace gantry::kube::rules
