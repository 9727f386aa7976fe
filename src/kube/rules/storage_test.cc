// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

Resource storage(std::string kind, bool is_namespaced = false) {
  return resource("storage.k8s.io", std::move(kind), is_namespaced);
}

struct Wrong {
  const char* kind;
  const char* before;  // null: it is created
  const char* now;
  const char* message;
};

#define DRIVER R"("attachRequired":true,"podInfoOnMount":false,"storageCapacity":false,"seLinuxMount":false)"
#define INLINE R"("accessModes":["ReadWriteOnce"],"csi":{"driver":"d.example.com","volumeHandle":"h"})"

constexpr Wrong kWrong[] = {
    {"StorageClass", R"("provisioner":"a","volumeBindingMode":"Immediate")",
     R"("provisioner":"b","volumeBindingMode":"Immediate")",
     "provisioner: Forbidden: updates to provisioner are forbidden."},
    {"StorageClass", nullptr, R"("parameters":{"":"x"},"reclaimPolicy":"Recycle")",
     "provisioner: Required value\n"
     "parameters: Invalid value: \"\": field can not be empty.\n"
     "reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\"\n"
     "volumeBindingMode: Required value"},
    {"VolumeAttributesClass", nullptr, R"("driverName":"d.example.com","parameters":{"a":"b"})", ""},
    {"VolumeAttributesClass", nullptr, R"("driverName":"d.example.com")",
     "parameters: Required value: must contain at least one key/value pair"},
    {"VolumeAttributesClass", R"("driverName":"d","parameters":{"a":"b"})",
     R"("driverName":"e","parameters":{"a":"c"})",
     "driverName: Forbidden: updates to driverName are forbidden.\n"
     "parameters: Forbidden: updates to parameters are forbidden."},
    {"CSIDriver", nullptr, R"("spec":{)" DRIVER "}", ""},
    {"CSIDriver", nullptr,
     R"("spec":{"fsGroupPolicy":"Always","volumeLifecycleModes":["Forever"],"nodeAllocatableUpdatePeriodSeconds":5,)"
     R"("tokenRequests":[{"audience":"a","expirationSeconds":5},{"audience":"a"},{"audience":"b","expirationSeconds":4294967297}]})",
     "spec.attachedRequired: Required value\n"
     "spec.podInfoOnMount: Required value\n"
     "spec.storageCapacity: Required value\n"
     "spec.fsGroupPolicy: Unsupported value: \"Always\": supported values: \"File\", \"None\", "
     "\"ReadWriteOnceWithFSType\"\n"
     "spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 "
     "minutes\n"
     "spec.tokenRequests[1].audience: Duplicate value: \"a\"\n"
     "spec.tokenRequests[2].expirationSeconds: Invalid value: 4294967297: may not specify a duration larger "
     "than "
     "2^32 seconds\n"
     "spec.volumeLifecycleModes: Unsupported value: \"Forever\": supported values: \"Persistent\", "
     "\"Ephemeral\"\n"
     "spec.seLinuxMount: Required value\n"
     "spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 5: must be greater than or equal to 10 "
     "seconds"},
    {"CSIDriver",
     R"("spec":{"attachRequired":false,"podInfoOnMount":false,"storageCapacity":false,"seLinuxMount":false})",
     R"("spec":{)" DRIVER "}", "spec.attachedRequired: Invalid value: true: field is immutable"},
    {"CSINode", nullptr,
     R"("spec":{"drivers":[{"name":"d.example.com","nodeID":"n","topologyKeys":["a/b","a/b"]},{"name":"d.example.com","allocatable":{"count":-1}}]})",
     "spec.drivers[0]: Duplicate value: \"a/b\"\n"
     "spec.drivers[1].nodeID: Required value\n"
     "spec.drivers[1].allocatable.count: Invalid value: -1: must be greater than or equal to 0\n"
     "spec.drivers[1].name: Duplicate value: \"d.example.com\""},
    {"CSINode", R"("spec":{"drivers":[{"name":"d","nodeID":"n","allocatable":{"count":1}}]})",
     R"("spec":{"drivers":[{"name":"d","nodeID":"n","allocatable":{"count":2}}]})", ""},
    {"CSINode", R"("spec":{"drivers":[{"name":"d","nodeID":"n"}]})",
     R"("spec":{"drivers":[{"name":"d","nodeID":"m"}]})",
     "spec.drivers: Invalid value: {\"name\":\"d\",\"nodeID\":\"m\"}: field is immutable"},
    {"CSIStorageCapacity", nullptr, R"("storageClassName":"fast","capacity":"-1")",
     "capacity: Invalid value: \"-1\": must be greater than or equal to 0"},
    {"CSIStorageCapacity", R"("storageClassName":"fast")", R"("storageClassName":"slow")",
     "storageClassName: Invalid value: \"slow\": field is immutable"},
    {"VolumeAttachment", nullptr,
     R"("spec":{"attacher":"d.example.com","nodeName":"n","source":{"persistentVolumeName":"v"}})", ""},
    {"VolumeAttachment", nullptr,
     R"("spec":{"attacher":"d.example.com","nodeName":"n","source":{"inlineVolumeSpec":{)" INLINE "}}}", ""},
    {"VolumeAttachment", nullptr, R"("spec":{"nodeName":"n","source":{}})",
     "spec.attacher: Required value\n"
     "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"},
    {"VolumeAttachment", nullptr,
     R"("spec":{"attacher":"d","nodeName":"n","source":{"inlineVolumeSpec":{"capacity":{"storage":"1"},"accessModes":["ReadWriteOnce"],"nfs":{"server":"s","path":"/p"}}}})",
     "spec.source.inlineVolumeSpec.capacity: Forbidden: may not be specified in the context of inline "
     "volumes\n"
     "spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline "
     "volumes"},
};

std::string wrong(const Wrong& one) {
  const bool is_namespaced = std::string_view(one.kind) == "CSIStorageCapacity";
  const Resource kind = storage(one.kind, is_namespaced);
  const char* name_space = is_namespaced ? "default" : "";
  if (one.before == nullptr) return faults(kind, object(one.now, name_space));
  const json::Tree before = object(one.before, name_space);
  return faults(kind, object(one.now, name_space), &before);
}

TEST(Storage, KindsSayWhatTheyHaveTo) {
  for (const Wrong& one : kWrong) EXPECT_EQ(wrong(one), one.message) << one.kind << " " << one.now;
}

TEST(VolumeAttachment, IsForOneVolume) {
  const json::Tree before =
      object(R"("spec":{"attacher":"d","nodeName":"n","source":{"persistentVolumeName":"v"}})", "");
  const json::Tree now =
      object(R"("spec":{"attacher":"d","nodeName":"m","source":{"persistentVolumeName":"v"}})", "");
  EXPECT_TRUE(faults(storage("VolumeAttachment"), now, &before).ends_with(": field is immutable"));
  json::Tree failed = before;
  failed.object()["status"].object()["attachError"].object()["message"] = std::string(2000, 'x');
  failed.object()["status"].object()["detachError"].object()["errorCode"] = -1;
  EXPECT_EQ(status_faults(storage("VolumeAttachment"), failed, before),
            "status.attachError.message: Too long: may not be more than 1024 bytes\n"
            "status.detachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive");
}

}  // namespace
}  // namespace gantry::kube::rules
