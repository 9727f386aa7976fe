// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/decode.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kube/schema/catalog.h"

namespace gantry::kube {
namespace {

const Type& type(std::string_view name) {
  return *Catalog::built_in().find_type("io.k8s.api." + std::string(name));
}

Answer<Decoded> decode_pod(std::string json, FieldValidation validation = FieldValidation::Strict) {
  return decode(type("core.v1.Pod"), std::move(json), validation);
}

std::string text(const Answer<Decoded>& decoded) {
  return decoded ? decoded->object.to_text() : decoded.error()->message;
}

std::string with_defaults(std::string_view name, std::string json) {
  Answer<Decoded> decoded = decode(type(name), std::move(json), FieldValidation::Strict);
  if (!decoded) return decoded.error()->message;
  EXPECT_TRUE(apply_defaults(type(name), decoded->object));
  const std::string once = decoded->object.to_text();
  EXPECT_TRUE(apply_defaults(type(name), decoded->object));
  EXPECT_EQ(decoded->object.to_text(), once) << "a second time changes nothing";
  return once;
}

TEST(Decode, KeepsWhatTheTypeKnows) {
  constexpr const char* kPod =
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[{"name":"a"}]}})";
  EXPECT_EQ(text(decode_pod(kPod)), kPod);
}

TEST(Decode, UnknownFieldsAreDroppedAndToldAsAsked) {
  constexpr const char* kPod =
      R"({"spec":{"containers":[{"name":"a"},{"name":"b","imag":"x"}],"hostname":"h","nam":1},"extra":{}})";
  constexpr const char* kLeft = R"({"spec":{"containers":[{"name":"a"},{"name":"b"}],"hostname":"h"}})";
  const Answer<Decoded> ignored = decode_pod(kPod, FieldValidation::Ignore);
  EXPECT_EQ(text(ignored), kLeft);
  EXPECT_TRUE(ignored->warnings.empty());
  const Answer<Decoded> warned = decode_pod(kPod, FieldValidation::Warn);
  EXPECT_EQ(text(warned), kLeft);
  EXPECT_EQ(warned->warnings, (std::vector<std::string>{R"(unknown field "extra")",
                                                        R"(unknown field "spec.containers[1].imag")",
                                                        R"(unknown field "spec.nam")"}));
  const Answer<Decoded> refused = decode_pod(kPod);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error()->code, 400);
  EXPECT_EQ(
      refused.error()->message,
      R"(Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "extra", )"
      R"(unknown field "spec.containers[1].imag", unknown field "spec.nam")");
}

TEST(Decode, OfKeysThatStandTwiceTheLastCounts) {
  constexpr const char* kPod = R"({"spec":{"hostname":"a","hostname":"b","subdomain":"x","hostname":"c"}})";
  const Answer<Decoded> warned = decode_pod(kPod, FieldValidation::Warn);
  EXPECT_EQ(text(warned), R"({"spec":{"hostname":"c","subdomain":"x"}})");
  EXPECT_EQ(warned->warnings, std::vector<std::string>{R"(duplicate field "spec.hostname")"});
  EXPECT_EQ(text(decode_pod(kPod)),
            R"(Pod in version "v1" cannot be handled as a Pod: strict decoding error: )"
            R"(duplicate field "spec.hostname")");
}

TEST(Decode, ComplaintsAreBounded) {
  std::string json = "{";
  for (int i = 0; i < 1000; ++i) json += fmt::format("\"x{}\":0,", i);
  json.back() = '}';
  EXPECT_EQ(decode_pod(json, FieldValidation::Warn)->warnings.size(), 100U);
}

TEST(Decode, WrongFormsAreRefusedInWordsThatPeopleKnow) {
  const auto refusal = [](const char* json) {
    const std::string message = text(decode_pod(json));
    return message.substr(message.find("json: ") + 6);
  };
  EXPECT_EQ(
      text(decode(type("apps.v1.Deployment"), R"({"spec":{"replicas":"3"}})", FieldValidation::Strict)),
      R"(Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into )"
      R"(Go struct field DeploymentSpec.spec.replicas of type int32)");
  EXPECT_EQ(refusal(R"({"spec":{"containers":[{"name":7}]}})"),
            "cannot unmarshal number into Go struct field Container.spec.containers.name of type string");
  EXPECT_EQ(refusal(R"({"spec":{"containers":{}}})"),
            "cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container");
  EXPECT_EQ(refusal(R"({"spec":[]})"),
            "cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec");
  EXPECT_EQ(refusal(R"({"spec":{"priority":1.5}})"),
            "cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of type int32");
  EXPECT_EQ(refusal(R"({"spec":{"priority":4294967296}})"),
            "cannot unmarshal number 4294967296 into Go struct field PodSpec.spec.priority of type int32");
  EXPECT_EQ(refusal(R"({"metadata":{"labels":{"a":true}}})"),
            "cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels.a of type string");
  EXPECT_EQ(refusal("[]"), "cannot unmarshal array into Go value of type v1.Pod");
}

TEST(Decode, NullIsAbsentAndZeroWhereSomethingHasToStand) {
  EXPECT_EQ(text(decode_pod(R"({"metadata":{"creationTimestamp":null,"labels":{"a":null}},"spec":null})")),
            R"({"metadata":{"labels":{"a":""}}})");
  EXPECT_EQ(text(decode_pod(R"({"spec":{"containers":[null,{"args":[null,"x"]}]}})")),
            R"({"spec":{"containers":[{},{"args":["","x"]}]}})");
}

TEST(Decode, ZerosThatMeanNothingAreLeftOut) {
  EXPECT_EQ(
      text(decode_pod(R"({"metadata":{"namespace":"","labels":{}},"spec":{"hostNetwork":false,)"
                      R"("priority":0,"containers":[],"tolerations":[],"volumes":[{"emptyDir":{}}]}})")),
      R"({"metadata":{},"spec":{"containers":[],"priority":0,"volumes":[{"emptyDir":{}}]}})");
}

TEST(Decode, SpellsValuesAsKubernetesDoes) {
  EXPECT_EQ(text(decode_pod(R"({"metadata":{"creationTimestamp":"2026-11-21T12:00:00.5+02:00"},"spec":)"
                            R"({"overhead":{"cpu":"0.5","memory":1024},"containers":[{"ports":[],)"
                            R"("livenessProbe":{"httpGet":{"port":80}}}]}})")),
            R"({"metadata":{"creationTimestamp":"2026-11-21T10:00:00Z"},"spec":{"containers":[{)"
            R"("livenessProbe":{"httpGet":{"port":80}}}],"overhead":{"cpu":"500m","memory":"1024"}}})");
  EXPECT_NE(text(decode_pod(R"({"spec":{"overhead":{"cpu":"many"}}})")).find("quantities must match"),
            std::string::npos);
  EXPECT_NE(text(decode(type("core.v1.Secret"), R"({"data":{"a":"??"}})", FieldValidation::Strict))
                .find("illegal base64 data at input byte 0"),
            std::string::npos);
}

TEST(Decode, WhatIsNoJsonIsRefused) {
  EXPECT_NE(text(decode_pod("{")).find("couldn't get version/kind; json parse error: "), std::string::npos);
  EXPECT_FALSE(decode_pod(std::string(1000, '[')));
  EXPECT_FALSE(decode_pod(""));
}

TEST(Prune, DropsWhatTheTypeDoesNotKnow) {
  json::Tree pod = *json::Tree::parse(R"({"old":1,"spec":{"containers":[{"name":"a","old":2}]}})");
  prune(type("core.v1.Pod"), pod);
  EXPECT_EQ(pod.to_text(), R"({"spec":{"containers":[{"name":"a"}]}})");
}

TEST(Defaults, OfAPod) {
  EXPECT_EQ(
      with_defaults("core.v1.Pod",
                    R"({"metadata":{"name":"web"},"spec":{"hostNetwork":true,"containers":[{)"
                    R"("name":"a","image":"registry:5000/a","ports":[{"containerPort":80}],)"
                    R"("resources":{"limits":{"cpu":"1"}},"livenessProbe":{"tcpSocket":{"port":1}}},)"
                    R"({"name":"b","image":"b:1.0"}],"volumes":[{"name":"v"}]}})"),
      R"({"metadata":{"name":"web"},"spec":{"containers":[{"image":"registry:5000/a","imagePullPolicy":"Always",)"
      R"("livenessProbe":{"failureThreshold":3,"periodSeconds":10,"successThreshold":1,"tcpSocket":{"port":1},)"
      R"("timeoutSeconds":1},"name":"a","ports":[{"containerPort":80,"hostPort":80,"protocol":"TCP"}],)"
      R"("resources":{"limits":{"cpu":"1"},"requests":{"cpu":"1"}},"terminationMessagePath":"/dev/termination-log",)"
      R"("terminationMessagePolicy":"File"},{"image":"b:1.0","imagePullPolicy":"IfNotPresent","name":"b",)"
      R"("resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],)"
      R"("dnsPolicy":"ClusterFirst","enableServiceLinks":true,"hostNetwork":true,"restartPolicy":"Always",)"
      R"("schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30,)"
      R"("volumes":[{"emptyDir":{},"name":"v"}]}})");
}

TEST(Defaults, ManyLimitsCostNoMoreThanTheirNumber) {
  std::string limits, requests;
  for (int i = 0; i < 20'000; ++i) {
    limits += fmt::format("\"a{:06}\":\"1\",", 2 * i);
    requests += fmt::format("\"a{:06}\":\"1\",", 2 * i + 1);
  }
  limits.pop_back();
  requests.pop_back();
  Answer<Decoded> pod = decode_pod(
      fmt::format(R"({{"spec":{{"containers":[{{"resources":{{"limits":{{{}}},"requests":{{{}}}}}}}]}}}})",
                  limits, requests));
  ASSERT_TRUE(apply_defaults(type("core.v1.Pod"), pod->object));
  const json::Tree& container = pod->object.find("spec", "containers")->array()[0];
  EXPECT_EQ(container.find("resources", "requests")->object().size(), 40'000U);
}

TEST(Defaults, AnAbsentObjectWithoutDefaultStaysAbsent) {
  EXPECT_EQ(with_defaults("core.v1.Pod", R"({"metadata":{"name":"web"}})"), R"({"metadata":{"name":"web"}})");
}

TEST(Defaults, OfADeployment) {
  EXPECT_EQ(with_defaults("apps.v1.Deployment", R"({"spec":{}})"),
            R"({"spec":{"progressDeadlineSeconds":600,"replicas":1,"revisionHistoryLimit":10,"strategy":{)"
            R"("rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"},"type":"RollingUpdate"}}})");
  EXPECT_EQ(with_defaults("apps.v1.DeploymentStrategy", R"({"type":"Recreate"})"), R"({"type":"Recreate"})");
}

TEST(Defaults, OfServices) {
  EXPECT_EQ(
      with_defaults("core.v1.Service", R"({"spec":{"ports":[{"port":80},{"port":81,"targetPort":"x"}]}})"),
      R"({"spec":{"internalTrafficPolicy":"Cluster","ports":[{"port":80,"protocol":"TCP","targetPort":80},)"
      R"({"port":81,"protocol":"TCP","targetPort":"x"}],"sessionAffinity":"None","type":"ClusterIP"}})");
  EXPECT_EQ(with_defaults("core.v1.ServiceSpec", R"({"type":"ExternalName"})"),
            R"({"sessionAffinity":"None","type":"ExternalName"})");
  EXPECT_EQ(with_defaults("core.v1.ServiceSpec", R"({"type":"LoadBalancer","sessionAffinity":"ClientIP"})"),
            R"({"allocateLoadBalancerNodePorts":true,"externalTrafficPolicy":"Cluster",)"
            R"("internalTrafficPolicy":"Cluster","sessionAffinity":"ClientIP","sessionAffinityConfig":{)"
            R"("clientIP":{"timeoutSeconds":10800}},"type":"LoadBalancer"})");
}

TEST(Defaults, OfJobsDependOnWhatIsSaid) {
  const auto job = [](const char* spec) { return with_defaults("batch.v1.JobSpec", spec); };
  constexpr const char* kRest = R"("podReplacementPolicy":"TerminatingOrFailed","suspend":false})";
  EXPECT_EQ(
      job("{}"),
      std::string(R"({"backoffLimit":6,"completionMode":"NonIndexed","completions":1,"parallelism":1,)") +
          kRest);
  EXPECT_EQ(job(R"({"parallelism":2})"),
            std::string(R"({"backoffLimit":6,"completionMode":"NonIndexed","parallelism":2,)") + kRest);
}

TEST(Defaults, OfOthers) {
  EXPECT_EQ(
      with_defaults("core.v1.Namespace", R"({"metadata":{"name":"a"}})"),
      R"({"metadata":{"labels":{"kubernetes.io/metadata.name":"a"},"name":"a"},"status":{"phase":"Active"}})");
  EXPECT_EQ(with_defaults("core.v1.Secret", R"({"data":{"a":"YQ==","b":"YQ=="},"stringData":{"b":"b"}})"),
            R"({"data":{"a":"YQ==","b":"Yg=="},"type":"Opaque"})");
  EXPECT_EQ(with_defaults("rbac.v1.Subject", R"({"kind":"User","name":"a"})"),
            R"({"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"a"})");
  EXPECT_EQ(with_defaults("networking.v1.NetworkPolicySpec", R"({"egress":[{}]})"),
            R"({"egress":[{}],"policyTypes":["Ingress","Egress"]})");
}

TEST(Defaults, MakeNoGiantOfAShortList) {
  std::string containers;
  for (int i = 0; i < 200'000; ++i) containers += "{},";
  containers.pop_back();
  Answer<Decoded> pod = decode_pod(fmt::format(R"({{"spec":{{"containers":[{}]}}}})", containers));
  EXPECT_EQ(apply_defaults(type("core.v1.Pod"), pod->object).error()->code, 413);
}

}  // namespace
}  // namespace gantry::kube
