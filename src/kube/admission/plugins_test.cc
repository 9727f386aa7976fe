// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/plugins.h"

#include <gtest/gtest.h>

#include <thread>

#include "kube/admission/test_request.h"
#include "kube/api/test_objects.h"

namespace gantry::kube::admission {
namespace {

using testing::TestObjects;

std::string text_of(const json::Tree* value) { return value == nullptr ? "nothing" : value->to_text(); }

constexpr const char* kPod = R"({"metadata":{"name":"web"},"spec":{"containers":[{"name":"a"}]}})";

// ---- LimitRanger

TEST(LimitRanger, fills_in_what_containers_do_not_say) {
  TestObjects objects;
  objects.put("limitranges",
              R"({"metadata":{"namespace":"default","name":"l"},"spec":{"limits":[{"type":"Container",)"
              R"("default":{"cpu":"1"},"defaultRequest":{"cpu":"500m","memory":"1Gi"}}]}})");
  TestRequest request("pods", kPod);
  EXPECT_EQ(request.mutate(*limit_ranger(objects)), "");
  EXPECT_EQ(text_of(&request.object().find("spec", "containers")->array()[0]),
            R"({"name":"a","resources":{"limits":{"cpu":"1"},"requests":{"cpu":"500m","memory":"1Gi"}}})");
  EXPECT_EQ(request.object().text_at("metadata", "annotations", "kubernetes.io/limit-ranger"),
            "LimitRanger plugin set: cpu, memory request for container a; cpu limit for container a");
}

TEST(LimitRanger, refuses_what_is_too_much_or_too_little) {
  TestObjects objects;
  objects.put("limitranges", R"({"metadata":{"namespace":"default","name":"l"},"spec":{"limits":[)"
                             R"({"type":"Container","max":{"cpu":"1"},"min":{"cpu":"100m"}},)"
                             R"({"type":"Pod","max":{"memory":"1Gi"}},)"
                             R"({"type":"PersistentVolumeClaim","max":{"storage":"1Gi"}}]}})");
  TestRequest request("pods", R"({"metadata":{"name":"web"},"spec":{"containers":[{"name":"a","resources":)"
                              R"({"requests":{"cpu":"50m"},"limits":{"cpu":"2","memory":"2Gi"}}}]}})");
  EXPECT_EQ(request.validate(*limit_ranger(objects)),
            "pods \"web\" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, "
            "maximum cpu usage per Container is 1, but limit is 2, "
            "maximum memory usage per Pod is 1Gi, but limit is 2Gi]");
  TestRequest claim("persistentvolumeclaims",
                    R"({"metadata":{"name":"c"},"spec":{"resources":{"requests":{"storage":"5Gi"}}}})");
  EXPECT_EQ(
      claim.validate(*limit_ranger(objects)),
      "persistentvolumeclaims \"c\" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, "
      "but limit is 5Gi");
}

TEST(LimitRanger, follows_limit_ranges_that_come_and_go) {
  TestObjects objects;
  const auto plugin = limit_ranger(objects);
  const char* const kLimit =
      R"({"metadata":{"namespace":"default","name":"l"},"spec":{"limits":[{"type":"Pod","max":{"cpu":"1"}}]}})";
  objects.put("limitranges", kLimit);
  EXPECT_NE(TestRequest("pods", kPod).validate(*plugin), "");
  objects.remove("limitranges", "default", "l");
  EXPECT_EQ(TestRequest("pods", kPod).validate(*plugin), "");
}

// ---- ServiceAccount

TEST(ServiceAccount, gives_a_pod_an_account_and_its_token) {
  TestObjects objects;
  objects.put("serviceaccounts",
              R"({"metadata":{"namespace":"default","name":"default"},"imagePullSecrets":[{"name":"s"}]})");
  TestRequest request("pods", kPod);
  EXPECT_EQ(request.mutate(*service_account(objects)), "");
  EXPECT_EQ(request.object().text_at("spec", "serviceAccountName"), "default");
  EXPECT_EQ(text_of(request.object().find("spec", "imagePullSecrets")), R"([{"name":"s"}])");
  const json::Tree& volume = request.object().find("spec", "volumes")->array().at(0);
  EXPECT_TRUE(volume.text_at("name").starts_with("kube-api-access-"));
  EXPECT_EQ(volume.find("projected", "sources")->array().size(), 3U);
  const json::Tree& mount =
      request.object().find("spec", "containers")->array()[0].find("volumeMounts")->array().at(0);
  EXPECT_EQ(mount.text_at("mountPath"), "/var/run/secrets/kubernetes.io/serviceaccount");
  EXPECT_EQ(mount.text_at("name"), volume.text_at("name"));

  const std::string once = request.object().to_text();
  EXPECT_EQ(request.mutate(*service_account(objects)), "");
  EXPECT_EQ(request.object().to_text(), once) << "twice is as once";
}

TEST(ServiceAccount, gives_no_token_where_none_is_wanted) {
  TestObjects objects;
  objects.put("serviceaccounts", R"({"metadata":{"namespace":"default","name":"default"}})");
  TestRequest request("pods", R"({"metadata":{"name":"web"},"spec":{"automountServiceAccountToken":false,)"
                              R"("containers":[{"name":"a"}]}})");
  EXPECT_EQ(request.mutate(*service_account(objects)), "");
  EXPECT_EQ(text_of(request.object().find("spec", "volumes")), "nothing");
}

TEST(ServiceAccount, has_to_be_there) {
  TestObjects objects;
  EXPECT_EQ(TestRequest("pods", R"({"metadata":{"name":"web"},"spec":{"serviceAccountName":"robot"}})")
                .mutate(*service_account(objects)),
            "pods \"web\" is forbidden: error looking up service account default/robot: serviceaccount "
            "\"robot\" not found");
  EXPECT_EQ(TestRequest("pods", kPod).mutate(*service_account(objects, std::chrono::milliseconds(1))),
            "pods \"web\" is forbidden: error looking up service account default/default: serviceaccount "
            "\"default\" not found");
}

TEST(ServiceAccount, is_waited_for_by_the_first_pods_of_a_namespace) {
  TestObjects objects;
  const auto plugin = service_account(objects, std::chrono::minutes(1));
  std::thread late(
      [&] { objects.put("serviceaccounts", R"({"metadata":{"namespace":"default","name":"default"}})"); });
  TestRequest request("pods", kPod);
  EXPECT_EQ(request.mutate(*plugin), "");
  late.join();
  EXPECT_EQ(request.object().find("spec", "volumes")->array().size(), 1U);
}

// ---- Priority

TEST(Priority, is_the_number_of_the_class) {
  TestObjects objects;
  objects.put("scheduling.k8s.io/priorityclasses",
              R"({"metadata":{"name":"high"},"value":1000,"preemptionPolicy":"Never"})");
  objects.put("scheduling.k8s.io/priorityclasses",
              R"({"metadata":{"name":"usual"},"value":5,"globalDefault":true})");
  const auto plugin = priority(objects);
  TestRequest named("pods", R"({"metadata":{"name":"web"},"spec":{"priorityClassName":"high"}})");
  EXPECT_EQ(named.mutate(*plugin), "");
  EXPECT_EQ(text_of(named.object().find("spec")),
            R"({"preemptionPolicy":"Never","priority":1000,"priorityClassName":"high"})");
  TestRequest plain("pods", kPod);
  EXPECT_EQ(plain.mutate(*plugin), "");
  EXPECT_EQ(text_of(plain.object().find("spec", "priority")), "5");
  TestRequest system("pods",
                     R"({"metadata":{"name":"web"},"spec":{"priorityClassName":"system-node-critical"}})");
  EXPECT_EQ(system.mutate(*plugin), "");
  EXPECT_EQ(text_of(system.object().find("spec", "priority")), "2000001000");
}

TEST(Priority, refuses_classes_that_are_not_there_and_numbers_that_differ) {
  TestObjects objects;
  const auto plugin = priority(objects);
  TestRequest unknown("pods", R"({"metadata":{"name":"web"},"spec":{"priorityClassName":"x"}})");
  EXPECT_EQ(unknown.mutate(*plugin), "pods \"web\" is forbidden: no PriorityClass with name x was found");
  TestRequest own("pods", R"({"metadata":{"name":"web"},"spec":{"priority":7}})");
  EXPECT_EQ(own.mutate(*plugin),
            "pods \"web\" is forbidden: the integer value of priority (7) must not be provided in pod spec; "
            "priority "
            "admission controller computed 0 from the given PriorityClass name");
}

// ---- Taints

TEST(DefaultTolerationSeconds, adds_what_is_not_said) {
  TestRequest request("pods", R"({"metadata":{"name":"web"},"spec":{"tolerations":[)"
                              R"({"key":"node.kubernetes.io/not-ready","operator":"Exists"}]}})");
  EXPECT_EQ(request.mutate(*default_toleration_seconds()), "");
  EXPECT_EQ(text_of(request.object().find("spec", "tolerations")),
            R"([{"key":"node.kubernetes.io/not-ready","operator":"Exists"},)"
            R"({"effect":"NoExecute","key":"node.kubernetes.io/unreachable","operator":"Exists",)"
            R"("tolerationSeconds":300}])");
}

TEST(TaintNodesByCondition, keeps_pods_off_new_nodes) {
  TestRequest request("nodes", R"({"metadata":{"name":"n"}})");
  const auto plugin = taint_nodes_by_condition();
  EXPECT_EQ(request.mutate(*plugin), "");
  EXPECT_EQ(request.mutate(*plugin), "");
  EXPECT_EQ(text_of(request.object().find("spec", "taints")),
            R"([{"effect":"NoSchedule","key":"node.kubernetes.io/not-ready"}])");
}

// ---- Volumes and classes

TEST(DefaultStorageClass, is_the_newest_that_is_marked) {
  TestObjects objects;
  for (const char* const text :
       {R"({"metadata":{"name":"a","creationTimestamp":"2026-01-01T00:00:00Z","annotations":)"
        R"({"storageclass.kubernetes.io/is-default-class":"true"}}})",
        R"({"metadata":{"name":"b","creationTimestamp":"2026-02-01T00:00:00Z","annotations":)"
        R"({"storageclass.kubernetes.io/is-default-class":"true"}}})",
        R"({"metadata":{"name":"c","creationTimestamp":"2026-03-01T00:00:00Z"}})"})
    objects.put("storage.k8s.io/storageclasses", text);
  const auto plugin = default_storage_class(objects);
  TestRequest claim("persistentvolumeclaims", R"({"metadata":{"name":"c"},"spec":{}})");
  EXPECT_EQ(claim.mutate(*plugin), "");
  EXPECT_EQ(claim.object().text_at("spec", "storageClassName"), "b");
  TestRequest none("persistentvolumeclaims", R"({"metadata":{"name":"c"},"spec":{"storageClassName":""}})");
  EXPECT_EQ(none.mutate(*plugin), "");
  EXPECT_EQ(none.object().text_at("spec", "storageClassName"), "");
}

TEST(StorageObjectInUseProtection, is_a_finalizer) {
  TestRequest claim("persistentvolumeclaims", R"({"metadata":{"name":"c"}})");
  EXPECT_EQ(claim.mutate(*storage_object_in_use_protection()), "");
  EXPECT_EQ(claim.mutate(*storage_object_in_use_protection()), "");
  EXPECT_EQ(text_of(claim.object().find("metadata", "finalizers")), R"(["kubernetes.io/pvc-protection"])");
}

TEST(PersistentVolumeClaimResize, wants_a_class_that_allows_it) {
  TestObjects objects;
  objects.put("storage.k8s.io/storageclasses",
              R"({"metadata":{"name":"grows"},"allowVolumeExpansion":true})");
  const auto plugin = persistent_volume_claim_resize(objects);
  const auto claim = [](const char* class_name, const char* size) {
    return fmt::format(
        R"({{"metadata":{{"name":"c"}},"spec":{{"storageClassName":"{}","resources":{{"requests":)"
        R"({{"storage":"{}"}}}}}},"status":{{"phase":"Bound"}}}})",
        class_name, size);
  };
  const auto resize = [&](const char* class_name) {
    return TestRequest("persistentvolumeclaims", claim(class_name, "2Gi"))
        .from(claim(class_name, "1Gi"))
        .validate(*plugin);
  };
  EXPECT_EQ(resize("grows"), "");
  EXPECT_EQ(
      resize("stays"),
      "persistentvolumeclaims \"c\" is forbidden: only dynamically provisioned pvc can be resized and the "
      "storageclass that provisions the pvc must support resize");
}

TEST(DefaultIngressClass, is_given_to_those_that_name_none) {
  TestObjects objects;
  objects.put(
      "networking.k8s.io/ingressclasses",
      R"({"metadata":{"name":"i","annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}}})");
  TestRequest request("ingresses.networking.k8s.io", R"({"metadata":{"name":"w"},"spec":{}})");
  EXPECT_EQ(request.mutate(*default_ingress_class(objects)), "");
  EXPECT_EQ(request.object().text_at("spec", "ingressClassName"), "i");
}

TEST(RuntimeClass, tells_what_its_pods_cost_and_where_they_run) {
  TestObjects objects;
  objects.put("node.k8s.io/runtimeclasses",
              R"({"metadata":{"name":"vm"},"overhead":{"podFixed":{"cpu":"250m"}},)"
              R"("scheduling":{"nodeSelector":{"vm":"yes"}}})");
  const auto plugin = runtime_class(objects);
  TestRequest request("pods", R"({"metadata":{"name":"web"},"spec":{"runtimeClassName":"vm"}})");
  EXPECT_EQ(request.mutate(*plugin), "");
  EXPECT_EQ(text_of(request.object().find("spec")),
            R"({"nodeSelector":{"vm":"yes"},"overhead":{"cpu":"250m"},"runtimeClassName":"vm"})");
  TestRequest unknown("pods", R"({"metadata":{"name":"web"},"spec":{"runtimeClassName":"x"}})");
  EXPECT_EQ(unknown.mutate(*plugin), "pods \"web\" is forbidden: pod rejected: RuntimeClass \"x\" not found");
  TestRequest clash(
      "pods", R"({"metadata":{"name":"web"},"spec":{"runtimeClassName":"vm","nodeSelector":{"vm":"no"}}})");
  EXPECT_EQ(clash.mutate(*plugin),
            "pods \"web\" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; "
            "pod.spec.nodeSelector[vm] = no");
}

// ---- The chain

class Recorder final : public Plugin {
 public:
  Recorder(std::string& record, const char* letter, bool refuses)
      : record_(record), letter_(letter), refuses_(refuses) {}
  std::string_view name() const override { return letter_; }
  Answer<void> mutate(AdmissionRequest& request) const override { return note(request); }
  Answer<void> validate(AdmissionRequest& request) const override { return note(request); }

 private:
  Answer<void> note(AdmissionRequest& request) const {
    record_ += letter_;
    if (refuses_) return request.forbidden("no");
    return {};
  }
  std::string& record_;
  const char* letter_;
  bool refuses_;
};

TEST(Chain, asks_one_after_the_other_until_somebody_refuses) {
  std::string record;
  Chain chain;
  chain.add(std::make_unique<Recorder>(record, "a", false));
  chain.add(std::make_unique<Recorder>(record, "b", true));
  chain.add(std::make_unique<Recorder>(record, "c", false));
  TestRequest request("pods", kPod);
  const Answer<void> answer = chain.mutate(request.request());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error()->message, "pods \"web\" is forbidden: no");
  EXPECT_EQ(record, "ab");
}

}  // namespace
}  // namespace gantry::kube::admission
