// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_pods.h"

namespace gantry::kube::rules {
namespace {

// What is wrong with a pod that has it as its first volume, without the volume's path.
std::string of_volume(const std::string& source) {
  std::string text = wrong_spec(R"("serviceAccountName":"a","volumes":[{"name":"v",)" + source + "}]");
  constexpr std::string_view kPath = "spec.volumes[0].";
  for (std::size_t at = text.find(kPath); at != std::string::npos; at = text.find(kPath))
    text.erase(at, kPath.size());
  return text;
}

struct Case {
  const char* source;
  const char* faults;
};

void expect(std::initializer_list<Case> cases) {
  for (const auto& [source, faults] : cases) EXPECT_EQ(of_volume(source), faults) << source;
}

TEST(PodVolumes, SaysWhatItsSourceNeeds) {
  expect({
      {R"("rbd":{"monitors":["m"],"image":"i"})", ""},
      {R"("rbd":{})", "rbd.monitors: Required value\nrbd.image: Required value"},
      {R"("cephfs":{})", "cephfs.monitors: Required value"},
      {R"("glusterfs":{"endpoints":"e"})", "glusterfs.path: Required value"},
      {R"("cinder":{"volumeID":"i","secretRef":{}})", "cinder.secretRef.name: Required value"},
      {R"("vsphereVolume":{})", "vsphereVolume.volumePath: Required value"},
      {R"("photonPersistentDisk":{})", "photonPersistentDisk.pdID: Required value"},
      {R"("portworxVolume":{})", "portworxVolume.volumeID: Required value"},
      {R"("scaleIO":{"gateway":"g","system":"s"})", "scaleIO.volumeName: Required value"},
      {R"("azureFile":{"secretName":"s"})", "azureFile.shareName: Required value"},
      {R"("persistentVolumeClaim":{})", "persistentVolumeClaim.claimName: Required value"},
      {R"("nfs":{"server":"s","path":"p"})", "nfs.path: Invalid value: \"p\": must be an absolute path"},
      {R"("storageos":{"volumeName":"v"})", ""},
      {R"("gitRepo":{"directory":"/d"})",
       "gitRepo.repository: Required value\ngitRepo.directory: Invalid value: \"/d\": must be a relative "
       "path"},
      {R"("image":{"reference":"i","pullPolicy":"Later"})",
       "image.pullPolicy: Unsupported value: \"Later\": supported values: \"Always\", \"IfNotPresent\", "
       "\"Never\""},
      {R"("emptyDir":{"sizeLimit":"-1"})",
       "emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"},
  });
}

TEST(PodVolumes, DisksHaveFewPartitions) {
  expect({
      {R"("awsElasticBlockStore":{"volumeID":"i","partition":255})", ""},
      {R"("awsElasticBlockStore":{"volumeID":"i","partition":256})",
       "awsElasticBlockStore.partition: Invalid value: 256: must be between 1 and 255, inclusive"},
      {R"("gcePersistentDisk":{"partition":-1})",
       "persistentDisk.pdName: Required value\n"
       "persistentDisk.partition: Invalid value: -1: must be between 1 and 255, inclusive"},
      {R"("azureDisk":{"diskName":"d","diskURI":"/subscriptions/s","kind":"Managed"})", ""},
      {R"("azureDisk":{"diskName":"d","diskURI":"/subscriptions/s","kind":"Shared"})",
       "azureDisk.diskURI: Unsupported value: \"/subscriptions/s\": supported values: "
       "\"https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd\""},
  });
}

TEST(PodVolumes, DisksOfNetworksHaveAddresses) {
  expect({
      {R"("iscsi":{"targetPortal":"p","iqn":"iqn.2001-04.com.example:disk","lun":255})", ""},
      {R"("iscsi":{"targetPortal":"p","iqn":"eui.02004567A425678D","lun":0})", ""},
      {R"("iscsi":{"targetPortal":"p","iqn":"disk","lun":256})",
       "iscsi.iqn: Invalid value: \"disk\": must be valid format starting with iqn, eui, or naa\n"
       "iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive"},
      {R"("iscsi":{"iqn":"iqn.2001-04.com.example:disk","chapAuthSession":true})",
       "iscsi.targetPortal: Required value\niscsi.secretRef: Required value"},
      {R"("fc":{"targetWWNs":["w"],"lun":1})", ""},
      {R"("fc":{"targetWWNs":["w"]})", "fc.lun: Required value: lun is required if targetWWNs is specified"},
      {R"("fc":{})", "fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both"},
      {R"("quobyte":{"registry":"a:1,b:2","volume":"v"})", ""},
      {R"("quobyte":{"registry":"a:1,b","volume":"v"})",
       "quobyte.registry: Invalid value: \"a:1,b\": must be a host:port pair or multiple pairs separated by "
       "commas"},
      {R"("flocker":{"datasetName":"a/b"})",
       "flocker.datasetName: Invalid value: \"a/b\": must not contain '/'"},
      {R"("flocker":{})", "flocker: Required value: one of datasetName and datasetUUID is required"},
      {R"("flexVolume":{"driver":"d","options":{"kubernetes.io/a":"b"}})",
       "flexVolume.options[kubernetes.io/a]: Invalid value: \"kubernetes.io/a\": kubernetes.io and k8s.io "
       "namespaces "
       "are reserved"},
      {R"("csi":{"driver":"Example.com","nodePublishSecretRef":{}})",
       "csi.nodePublishSecretRef.name: Required value"},
  });
}

TEST(PodVolumes, FilesStayInTheirDirectory) {
  expect({
      {R"("configMap":{"name":"c","defaultMode":511,"items":[{"key":"k","path":"a/b","mode":0}]})", ""},
      {R"("configMap":{"name":"c","defaultMode":512,"items":[{"path":"../a"}]})",
       "configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both "
       "inclusive\n"
       "configMap.items[0].key: Required value\n"
       "configMap.items[0].path: Invalid value: \"../a\": must not contain '..'"},
      {R"("secret":{"secretName":"s","items":[{"key":"k","path":"..a"}]})",
       "secret.items[0].path: Invalid value: \"..a\": must not start with '..'"},
      {R"("downwardAPI":{"items":[{"path":"a","fieldRef":{"apiVersion":"v1","fieldPath":"metadata.labels"}}]})",
       ""},
      {R"("downwardAPI":{"items":[{"path":"a"}]})",
       "downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"},
  });
}

TEST(PodVolumes, ProjectedOnesHaveSeveralSources) {
  const auto projected = [](const std::string& sources) {
    return of_volume(R"("projected":{"defaultMode":420,"sources":[)" + sources + "]}");
  };
  EXPECT_EQ(
      projected(R"({"configMap":{"name":"c"}},{"serviceAccountToken":{"path":"t","expirationSeconds":600}})"),
      "");
  EXPECT_EQ(
      projected(R"({"serviceAccountToken":{"path":"t","expirationSeconds":599}})"),
      "projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a "
      "duration less than 10 minutes");
  EXPECT_EQ(projected(R"({"configMap":{"name":"c"},"secret":{"name":"s"}})"),
            "projected.sources[0]: Forbidden: may not specify more than 1 volume type per source");
  EXPECT_EQ(projected(R"({"clusterTrustBundle":{"path":"p","name":"b"}})"), "");
  EXPECT_EQ(
      projected(R"({"clusterTrustBundle":{"path":"p"}})"),
      "projected.sources[0].clusterTrustBundle: Required value: either name or signerName must be specified");
  EXPECT_EQ(
      projected(
          R"({"podCertificate":{"signerName":"example.com/s","keyType":"ED25519","maxExpirationSeconds":86400,"credentialBundlePath":"b"}})"),
      "");
}

TEST(PodVolumes, AreMountedOrAreDevices) {
  constexpr const char* kVolumes =
      R"("volumes":[{"name":"c","persistentVolumeClaim":{"claimName":"c"}},{"name":"e","emptyDir":{}}])";
  const auto with = [&](const std::string& container) { return wrong(container, kVolumes); };
  const std::string at = "spec.containers[0].";
  EXPECT_EQ(
      with(
          R"("volumeMounts":[{"name":"e","mountPath":"/e"}],"volumeDevices":[{"name":"c","devicePath":"/dev/c"}])"),
      "");
  EXPECT_EQ(with(R"("volumeDevices":[{"name":"e","devicePath":"/dev/e"}])"),
            at + "volumeDevices[0].name: Invalid value: \"e\": can only use volume source type of "
                 "PersistentVolumeClaim or Ephemeral for block mode");
  EXPECT_EQ(with(R"("volumeMounts":[{"name":"e","mountPath":"/e","recursiveReadOnly":"Enabled"}])"),
            at + "volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true");
}

TEST(PodVolumes, ClaimsAreMadeOfThePodsName) {
  constexpr const char* kEphemeral =
      R"({"name":"v","ephemeral":{"volumeClaimTemplate":{"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}}})";
  EXPECT_EQ(wrong_spec(R"("volumes":[)" + std::string(kEphemeral) + "]"), "");
  EXPECT_EQ(wrong_spec(R"("volumes":[)" + std::string(kEphemeral) +
                       R"(,{"name":"w","persistentVolumeClaim":{"claimName":"web-v"}}])"),
            "spec.volumes[1].persistentVolumeClaim.claimName: Invalid value: \"web-v\": must not reference a "
            "PVC that "
            "gets created for an ephemeral volume");
  EXPECT_EQ(of_volume(R"("ephemeral":{})"), "ephemeral.volumeClaimTemplate: Required value");
}

}  // namespace
}  // namespace gantry::kube::rules
