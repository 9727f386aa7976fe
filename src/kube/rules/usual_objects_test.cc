// SPDX-License-Identifier: Apache-2.0
//
// What people usually write passes from end to end: decoded strictly, defaulted, prepared, and nothing is
// wrong with it; nor with writing it again as it is.
#include <gtest/gtest.h>

#include "kube/rules/rules.h"
#include "kube/schema/catalog.h"
#include "kube/schema/decode.h"

namespace gantry::kube::rules {
namespace {

struct Usual {
  const char* group;
  const char* version;
  const char* kind;
  const char* inner;  // beside metadata
};

#define POD_SPEC                                                                                                     \
  R"({"containers":[{"name":"web","image":"nginx","ports":[{"containerPort":80}],"env":[{"name":"A","value":"b"}],)" \
  R"("resources":{"requests":{"cpu":"100m","memory":"64Mi"},"limits":{"memory":"128Mi"}},)"                          \
  R"("livenessProbe":{"httpGet":{"port":80}},"readinessProbe":{"tcpSocket":{"port":"http"}},)"                       \
  R"("volumeMounts":[{"name":"v","mountPath":"/v"},{"name":"c","mountPath":"/c","readOnly":true}]}],)"               \
  R"("initContainers":[{"name":"init","image":"busybox:1","command":["true"]}],)"                                    \
  R"("volumes":[{"name":"v"},{"name":"c","configMap":{"name":"web"}},{"name":"s","secret":{"secretName":"x"}},)"     \
  R"({"name":"p","projected":{"sources":[{"serviceAccountToken":{"path":"token"}}]}}],)"                             \
  R"("tolerations":[{"operator":"Exists"}],"securityContext":{"runAsUser":1000},"serviceAccountName":"default"})"

#define TEMPLATE(policy)                                                                \
  R"("template":{"metadata":{"labels":{"app":"web"}},"spec":{"restartPolicy":")" policy \
  R"(","containers":[{"name":"web","image":"nginx"}]}})"
#define SELECTOR R"("selector":{"matchLabels":{"app":"web"}},)"

constexpr Usual kUsual[] = {
    {"", "v1", "Pod", R"("spec":)" POD_SPEC},
    {"", "v1", "ConfigMap", R"("data":{"a":"b"})"},
    {"", "v1", "Secret", R"("data":{"a":"eA=="})"},
    {"", "v1", "Namespace", ""},
    {"", "v1", "ServiceAccount", ""},
    {"", "v1", "Node", ""},
    {"", "v1", "Service", R"("spec":{"selector":{"app":"web"},"ports":[{"port":80}]})"},
    {"", "v1", "Service",
     R"("spec":{"type":"NodePort","ports":[{"port":80,"targetPort":"http","nodePort":30080}]})"},
    {"", "v1", "Service", R"("spec":{"type":"LoadBalancer","ports":[{"port":80}]})"},
    {"", "v1", "Service", R"("spec":{"type":"ExternalName","externalName":"example.com"})"},
    {"", "v1", "Service", R"("spec":{"clusterIP":"None","selector":{"app":"web"}})"},
    {"", "v1", "Endpoints", R"("subsets":[{"addresses":[{"ip":"10.0.0.1"}],"ports":[{"port":80}]}])"},
    {"", "v1", "Event", R"("involvedObject":{"kind":"Pod","name":"x","namespace":"default"},"reason":"a")"},
    {"", "v1", "LimitRange",
     R"("spec":{"limits":[{"type":"Container","default":{"cpu":"1"},"max":{"cpu":"2"}}]})"},
    {"", "v1", "ResourceQuota", R"("spec":{"hard":{"pods":"10","requests.cpu":"1"}})"},
    {"", "v1", "PersistentVolume",
     R"("spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/d"}})"},
    {"", "v1", "PersistentVolumeClaim",
     R"("spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}})"},
    {"", "v1", "PodTemplate", TEMPLATE("Always")},
    {"", "v1", "ReplicationController", R"("spec":{"selector":{"app":"web"},)" TEMPLATE("Always") "}"},
    {"apps", "v1", "Deployment", R"("spec":{)" SELECTOR TEMPLATE("Always") "}"},
    {"apps", "v1", "Deployment",
     R"("spec":{"strategy":{"type":"Recreate"},)" SELECTOR TEMPLATE("Always") "}"},
    {"apps", "v1", "ReplicaSet", R"("spec":{)" SELECTOR TEMPLATE("Always") "}"},
    {"apps", "v1", "DaemonSet", R"("spec":{)" SELECTOR TEMPLATE("Always") "}"},
    {"apps", "v1", "StatefulSet",
     R"("spec":{"serviceName":"web","volumeClaimTemplates":[{"metadata":{"name":"d"},"spec":{"accessModes":["ReadWriteOnce"],)"
     R"("resources":{"requests":{"storage":"1Gi"}}}}],)" SELECTOR TEMPLATE("Always") "}"},
    {"batch", "v1", "Job", R"("spec":{)" TEMPLATE("Never") "}"},
    {"batch", "v1", "CronJob",
     R"("spec":{"schedule":"*/5 * * * *","jobTemplate":{"spec":{)" TEMPLATE("OnFailure") "}}}"},
    {"autoscaling", "v1", "HorizontalPodAutoscaler",
     R"("spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"maxReplicas":3})"},
    {"autoscaling", "v2", "HorizontalPodAutoscaler",
     R"("spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},"maxReplicas":3,"behavior":{"scaleDown":{}}})"},
    {"policy", "v1", "PodDisruptionBudget",
     R"("spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"web"}}})"},
    {"networking.k8s.io", "v1", "Ingress",
     R"("spec":{"rules":[{"http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"web","port":{"number":80}}}}]}}]})"},
    {"networking.k8s.io", "v1", "IngressClass", R"("spec":{"controller":"example.com/ingress"})"},
    {"networking.k8s.io", "v1", "NetworkPolicy",
     R"("spec":{"podSelector":{},"policyTypes":["Ingress"],"ingress":[{"ports":[{"port":80}]}]})"},
    {"discovery.k8s.io", "v1", "EndpointSlice",
     R"("addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"]}],"ports":[{"port":80}])"},
    {"coordination.k8s.io", "v1", "Lease", R"("spec":{"holderIdentity":"a","leaseDurationSeconds":15})"},
    {"rbac.authorization.k8s.io", "v1", "Role",
     R"("rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}])"},
    {"rbac.authorization.k8s.io", "v1", "ClusterRole",
     R"("aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]})"},
    {"rbac.authorization.k8s.io", "v1", "RoleBinding",
     R"("roleRef":{"kind":"ClusterRole","name":"view"},"subjects":[{"kind":"User","name":"jane"},{"kind":"ServiceAccount","name":"a"}])"},
    {"rbac.authorization.k8s.io", "v1", "ClusterRoleBinding",
     R"("roleRef":{"kind":"ClusterRole","name":"view"},"subjects":[{"kind":"Group","name":"system:masters"}])"},
    {"storage.k8s.io", "v1", "StorageClass", R"("provisioner":"example.com/disk")"},
    {"storage.k8s.io", "v1", "CSIDriver", R"("spec":{})"},
    {"scheduling.k8s.io", "v1", "PriorityClass", R"("value":1000)"},
    {"node.k8s.io", "v1", "RuntimeClass", R"("handler":"runc")"},
    {"admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration",
     R"("webhooks":[{"name":"a.example.com","sideEffects":"None","admissionReviewVersions":["v1"],)"
     R"("clientConfig":{"service":{"name":"s","namespace":"n"}},"rules":[{"operations":["*"],"apiGroups":["*"],"apiVersions":["*"],"resources":["*"]}]}])"},
};

std::string causes_of(const std::vector<Cause>& causes) {
  std::string text;
  for (const Cause& cause : causes) text.append(cause.field).append(": ").append(cause.message).append("\n");
  return text;
}

std::string text_of(const Usual& usual, const Resource& resource) {
  std::string text = R"({"apiVersion":")" + resource.kind.api_version() + R"(","kind":")" + usual.kind +
                     R"(","metadata":{"name":"web","uid":"123")";
  if (resource.is_namespaced) text += R"(,"namespace":"default")";
  text += "}";
  if (*usual.inner != '\0') text.append(",").append(usual.inner);
  return text + "}";
}

TEST(UsualObjects, HaveNothingWrong) {
  for (const Usual& usual : kUsual) {
    const Resource* resource = Catalog::built_in().find_kind(usual.group, usual.version, usual.kind);
    ASSERT_NE(resource, nullptr) << usual.kind;
    auto decoded = decode(*resource->type, text_of(usual, *resource), FieldValidation::Strict);
    ASSERT_TRUE(decoded) << usual.kind << ": " << decoded.error()->message;
    json::Tree& object = decoded->object;
    ASSERT_TRUE(apply_defaults(*resource->type, object));
    prepare({*resource, "", nullptr}, object);
    EXPECT_EQ(causes_of(validate({*resource, "", nullptr}, object)), "") << usual.kind << "\n" << usual.inner;
    json::Tree again = object;
    ASSERT_TRUE(apply_defaults(*resource->type, again));
    prepare({*resource, "", &object}, again);
    EXPECT_EQ(causes_of(validate({*resource, "", &object}, again)), "") << usual.kind << " again";
    EXPECT_EQ(again.to_text(), object.to_text()) << usual.kind;
  }
}

}  // namespace
}  // namespace gantry::kube::rules
