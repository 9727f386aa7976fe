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
