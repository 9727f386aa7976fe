// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

TEST(PersistentVolume, HasOneSourceAndASize) {
  const Resource volumes = resource("", "PersistentVolume", false);
  EXPECT_EQ(
      faults(
          volumes,
          object(
              R"("spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"},"hostPath":{"path":"/d"}})",
              "")),
      "");
  EXPECT_EQ(faults(volumes,
                   object(R"("spec":{"accessModes":["Sometimes"],"hostPath":{"path":"/d"},"nfs":{}})", "")),
            "spec.accessModes: Unsupported value: \"Sometimes\": supported values: \"ReadOnlyMany\", "
            "\"ReadWriteMany\", "
            "\"ReadWriteOnce\", \"ReadWriteOncePod\"\n"
            "spec.capacity: Required value\n"
            "spec.capacity: Unsupported value: null: supported values: \"storage\"\n"
            "spec.nfs: Forbidden: may not specify more than 1 volume type");
}

// What is wrong with a volume that comes from there.
std::string of_source(const std::string& source, const json::Tree* before = nullptr) {
  return faults(
      resource("", "PersistentVolume", false),
      object(R"("spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"},)" + source + "}", ""),
      before);
}

TEST(PersistentVolume, SaysWhatItsSourceNeeds) {
  EXPECT_EQ(of_source(R"("azureFile":{"secretName":"s","shareName":"d","secretNamespace":""})"),
            "spec.azureFile.secretNamespace: Required value");
  EXPECT_EQ(
      of_source(R"("glusterfs":{"endpoints":"e","path":"p","endpointsNamespace":""})"),
      "spec.glusterfs.endpointsNamespace: Invalid value: \"\": if the endpointnamespace is set, it must be a "
      "valid namespace name");
  EXPECT_EQ(of_source(R"("cinder":{"volumeID":"i","secretRef":{"name":"n"}})"),
            "spec.cinder.secretRef.namespace: Required value");
  EXPECT_EQ(
      of_source(
          R"("csi":{"driver":"d","volumeHandle":"h","nodeStageSecretRef":{},"nodePublishSecretRef":{"name":"n"}})"),
      "spec.csi.nodePublishSecretRef.namespace: Required value");
  EXPECT_TRUE(
      of_source(R"("iscsi":{"targetPortal":")" + std::string(61, 'p') +
                R"(","iqn":"iqn.2001-04.com.example:d","lun":0,"initiatorName":"iqn.2001-04.com.example:i"})")
          .starts_with("spec.iscsi.targetportal: Invalid value: \"pppp"));
  EXPECT_EQ(of_source(R"("flocker":{"datasetUUID":"u"})"), "");
}

TEST(PersistentVolume, OfANodeIsUsedThere) {
  constexpr const char* kLocal = R"("local":{"path":"/d"},"nodeAffinity":{"required":{"nodeSelectorTerms":)";
  EXPECT_EQ(of_source(std::string(kLocal) +
                      R"([{"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]}]}})"),
            "");
  EXPECT_EQ(of_source(std::string(kLocal) + "[]}}"),
            "spec.nodeAffinity.required.nodeSelectorTerms: Required value: must have at least one node "
            "selector term");
  EXPECT_EQ(of_source(R"("local":{"path":"/d/.."})"),
            "spec.local.path: Invalid value: \"/d/..\": must not contain '..'\n"
            "spec.nodeAffinity: Required value: Local volume requires node affinity");
}

TEST(PersistentVolume, LabelsOfNodesMayBeSettled) {
  const auto at = [](const std::string& key) {
    return R"("hostPath":{"path":"/d"},"nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[{"key":")" +
           key + R"(","operator":"Exists"}]}]}})";
  };
  const json::Tree before =
      object(R"("spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"},)" +
                 at("beta.kubernetes.io/os") + "}",
             "");
  EXPECT_EQ(of_source(at("kubernetes.io/os"), &before), "");
  EXPECT_TRUE(of_source(at("kubernetes.io/arch"), &before)
                  .ends_with("field is immutable, except for updating from beta label to GA"));
}

TEST(PersistentVolume, TheWholeNodeIsNotWiped) {
  EXPECT_EQ(
      of_source(R"("hostPath":{"path":"//."},"persistentVolumeReclaimPolicy":"Recycle")"),
      "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'");
}

TEST(PersistentVolumeClaim, OnlyGrows) {
  const Resource claims = resource("", "PersistentVolumeClaim");
  const auto claim = [](std::string size, std::string more = "") {
    return object(R"("spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":")" + size +
                  R"("}})" + more + R"(},"status":{"phase":"Bound","capacity":{"storage":"1Gi"}})");
  };
  const json::Tree before = claim("1Gi");
  EXPECT_EQ(faults(claims, claim("2Gi", R"(,"volumeName":"v")"), &before), "");
  EXPECT_EQ(faults(claims, claim("1Mi"), &before),
            "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity");
  EXPECT_TRUE(faults(claims, claim("1Gi", R"(,"volumeMode":"Block")"), &before)
                  .starts_with("spec: Forbidden: spec is immutable"));
}

TEST(StorageClass, CannotBeChanged) {
  const Resource classes = resource("storage.k8s.io", "StorageClass", false);
  const json::Tree before = object(R"("provisioner":"a","volumeBindingMode":"Immediate")", "");
  EXPECT_EQ(faults(classes, object(R"("provisioner":"b","volumeBindingMode":"Immediate")", ""), &before),
            "provisioner: Forbidden: updates to provisioner are forbidden.");
}

}  // namespace
}  // namespace gantry::kube::rules
