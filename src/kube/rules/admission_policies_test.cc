// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

#define MATCH                                                                                                     \
  R"({"matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{},"resourceRules":[{"apiGroups":[""],)" \
  R"("apiVersions":["v1"],"operations":["CREATE"],"resources":["pods"]}]})"

struct Wrong {
  const char* kind;
  const char* spec;
  const char* message;
};

constexpr Wrong kWrong[] = {
    {"ValidatingAdmissionPolicy",
     R"("failurePolicy":"Fail","matchConstraints":)" MATCH R"(,"validations":[{"expression":"true"}])", ""},
    {"ValidatingAdmissionPolicy", "",
     "spec.failurePolicy: Required value\n"
     "spec.matchConstraints: Required value\n"
     "spec.validations: Required value: validations or auditAnnotations must contain at least one item\n"
     "spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item"},
    {"ValidatingAdmissionPolicy",
     R"("failurePolicy":"Sometimes","paramKind":{"apiVersion":"a/b/c","kind":"1"},"matchConstraints":{"resourceRules":[]},)"
     R"("variables":[{"name":"for","expression":"1"},{"name":" ","expression":""}],)"
     R"("validations":[{"expression":" ","message":"a\nb","reason":"Why","messageExpression":" "}])",
     "spec.failurePolicy: Unsupported value: \"Sometimes\": supported values: \"Fail\", \"Ignore\"\n"
     "spec.paramKind.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c\n"
     "spec.paramKind.kind: Invalid value: \"1\": may have mixed case, but should otherwise match: a DNS-1035 "
     "label "
     "must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end "
     "with "
     "an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
     "'[a-z]([-a-z0-9]*[a-z0-9])?')\n"
     "spec.matchConstraints.matchPolicy: Required value\n"
     "spec.matchConstraints.namespaceSelector: Required value\n"
     "spec.matchConstraints.objectSelector: Required value\n"
     "spec.matchConstraints.resourceRules: Required value\n"
     "spec.variables[0].name: Invalid value: \"for\": name is not a valid CEL identifier\n"
     "spec.variables[1].name: Required value: name is not specified\n"
     "spec.variables[1].expression: Required value: expression is not specified\n"
     "spec.validations[0].expression: Required value: expression is not specified\n"
     "spec.validations[0].messageExpression: Invalid value: \" \": must be non-empty if specified\n"
     "spec.validations[0].message: Invalid value: \"a\\nb\": message must not contain line breaks\n"
     "spec.validations[0].reason: Unsupported value: \"Why\": supported values: \"Forbidden\", \"Invalid\", "
     "\"RequestEntityTooLarge\""},
    {"ValidatingAdmissionPolicy",
     R"("failurePolicy":"Fail","matchConstraints":)" MATCH
     R"(,"auditAnnotations":[{"key":"a","valueExpression":"''"},{"key":"a","valueExpression":" "}])",
     "spec.auditAnnotations[1].valueExpression: Required value: valueExpression is not specified\n"
     "spec.auditAnnotations[1].key: Duplicate value: \"a\""},
    {"ValidatingAdmissionPolicyBinding", R"("policyName":"p","validationActions":["Deny"])", ""},
    {"ValidatingAdmissionPolicyBinding",
     R"("paramRef":{"name":"a","selector":{}},"validationActions":["Deny","Warn","Warn","Shout"])",
     "spec.policyName: Required value\n"
     "spec.paramRef.name: Forbidden: name and selector are mutually exclusive\n"
     "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive\n"
     "spec.paramRef.parameterNotFoundAction: Required value\n"
     "spec.validationActions[2]: Duplicate value: \"Warn\"\n"
     "spec.validationActions[3]: Unsupported value: \"Shout\": supported values: \"Audit\", \"Deny\", "
     "\"Warn\"\n"
     "spec.validationActions: Invalid value: [\"Deny\",\"Warn\",\"Warn\",\"Shout\"]: must not contain both "
     "Deny and "
     "Warn (repeating the same validation failure information in the API response and headers serves no "
     "purpose)"},
    {"ValidatingAdmissionPolicyBinding", R"("policyName":"p","paramRef":{"parameterNotFoundAction":"Ask"})",
     "spec.paramRef: Required value: one of name or selector must be specified\n"
     "spec.paramRef.parameterNotFoundAction: Unsupported value: \"Ask\": supported values: \"Deny\", "
     "\"Allow\"\n"
     "spec.validationActions: Required value: at least one validation action is required"},
    {"MutatingAdmissionPolicy",
     R"("failurePolicy":"Fail","reinvocationPolicy":"Never","matchConstraints":)" MATCH
     R"(,"mutations":[{"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"Object{}"}},)"
     R"({"patchType":"JSONPatch","jsonPatch":{"expression":"[]"}}])",
     ""},
    {"MutatingAdmissionPolicy", R"("failurePolicy":"Fail","matchConstraints":)" MATCH,
     "spec.mutations: Required value: mutations must contain at least one item\n"
     "spec.reinvocationPolicy: Required value"},
    {"MutatingAdmissionPolicy",
     R"("failurePolicy":"Fail","reinvocationPolicy":"Often","matchConstraints":{"matchPolicy":"Exact","namespaceSelector":{},"objectSelector":{},)"
     R"("resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["DELETE"],"resources":["pods"]}]},)"
     R"("mutations":[{},{"patchType":"Diff"},{"patchType":"JSONPatch","applyConfiguration":{}},)"
     R"({"patchType":"ApplyConfiguration","applyConfiguration":{"expression":" "},"jsonPatch":{}}])",
     "spec.matchConstraints.resourceRules.operations: Unsupported value: \"DELETE\": supported values: "
     "\"*\", "
     "\"CREATE\", \"UPDATE\"\n"
     "spec.mutations[0].patchType: Required value\n"
     "spec.mutations[1].patchType: Unsupported value: \"Diff\": supported values: \"ApplyConfiguration\", "
     "\"JSONPatch\"\n"
     "spec.mutations[2].jsonPatch: Required value: must be specified when patchType is JSONPatch\n"
     "spec.mutations[2].applyConfiguration: Invalid value: \"{applyConfiguration}\": must not be specified "
     "when "
     "patchType is JSONPatch\n"
     "spec.mutations[3].jsonPatch: Invalid value: \"{jsonPatch}\": must not be specified when patchType is "
     "ApplyConfiguration\n"
     "spec.mutations[3].applyConfiguration.expression: Required value\n"
     "spec.reinvocationPolicy: Unsupported value: \"Often\": supported values: \"IfNeeded\", \"Never\""},
    {"MutatingAdmissionPolicyBinding", R"("policyName":"A b")",
     "spec.policyName: Invalid value: \"A b\": a lowercase RFC 1123 subdomain must consist of lower case "
     "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. "
     "'example.com', regex used for validation is "
     "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"},
};

TEST(AdmissionPolicies, SayWhatTheyHaveTo) {
  for (const Wrong& one : kWrong) {
    const Resource kind = resource("admissionregistration.k8s.io", one.kind, false);
    EXPECT_EQ(faults(kind, object(std::string(R"("spec":{)") + one.spec + "}", "")), one.message)
        << one.kind << " " << one.spec;
  }
}

TEST(AdmissionPolicies, WhatIsKnownOfOneIsWellFormed) {
  const Resource kind = resource("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", false);
  const json::Tree before = object("", "");
  EXPECT_EQ(
      status_faults(
          kind,
          object(R"("status":{"typeChecking":{"expressionWarnings":[{"fieldRef":" "}]},"conditions":[)"
                 R"({"type":"a b","status":"Yes","observedGeneration":-1,"reason":"1"}]})",
                 ""),
          before),
      "status.typeChecking.expressionWarnings[0].warning: Required value\n"
      "status.typeChecking.expressionWarnings[0].fieldRef: Required value\n"
      "status.conditions[0].type: Invalid value: \"a b\": name part must consist of alphanumeric characters, "
      "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name', "
      " "
      "or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')\n"
      "status.conditions[0].status: Unsupported value: \"Yes\": supported values: \"False\", \"True\", "
      "\"Unknown\"\n"
      "status.conditions[0].observedGeneration: Invalid value: -1: must be greater than or equal to zero\n"
      "status.conditions[0].lastTransitionTime: Required value\n"
      "status.conditions[0].reason: Invalid value: \"1\": a condition reason must start with alphabetic "
      "character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an "
      "alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  "
      "or "
      "'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')");
}

}  // namespace
}  // namespace gantry::kube::rules
