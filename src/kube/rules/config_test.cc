// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

const Resource& config_map() {
  static const Resource kResource = resource("", "ConfigMap");
  return kResource;
}
const Resource& secret() {
  static const Resource kResource = resource("", "Secret");
  return kResource;
}

TEST(ConfigMap, HasKeysThatCanBeFileNames) {
  EXPECT_EQ(faults(config_map(), object(R"("data":{"a.b_C-1":"x"},"binaryData":{"b":"eA=="})")), "");
  EXPECT_EQ(faults(config_map(), object(R"("data":{"a b":"x"})")),
            "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, "
            "'-', '_' "
            "or "
            "'.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
            "'[-._a-zA-Z0-9]+')");
  EXPECT_EQ(faults(config_map(), object(R"("data":{"a":"x"},"binaryData":{"a":"eA=="})")),
            "data[a]: Invalid value: \"a\": duplicate of key present in binaryData");
}

TEST(ConfigMap, IsAtMostAMebibyte) {
  json::Tree large = object("");
  large.object()["data"].object()["a"] = std::string((1 << 20) + 1, 'x');
  EXPECT_EQ(faults(config_map(), large), ": Too long: may not be more than 1048576 bytes");
}

TEST(ConfigMap, StaysAsItIsWhenItIsImmutable) {
  const json::Tree before = object(R"("data":{"a":"x"},"immutable":true)");
  EXPECT_EQ(faults(config_map(), before, &before), "");
  EXPECT_EQ(faults(config_map(), object(R"("data":{"a":"y"},"immutable":true)"), &before),
            "data: Forbidden: field is immutable when `immutable` is set");
  EXPECT_EQ(faults(config_map(), object(R"("data":{"a":"x"})"), &before),
            "immutable: Forbidden: field is immutable when `immutable` is set");
}

TEST(Secret, HoldsWhatItsTypeAsksFor) {
  EXPECT_EQ(faults(secret(), object(R"("type":"kubernetes.io/tls","data":{"tls.crt":"eA=="})")),
            "data[tls.key]: Required value");
  EXPECT_EQ(faults(secret(),
                   object(R"("type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"e30="})")),
            "");
  EXPECT_EQ(faults(secret(),
                   object(R"("type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"eA=="})")),
            "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character in "
            "JSON document");
  EXPECT_EQ(faults(secret(), object(R"("type":"kubernetes.io/service-account-token")")),
            "metadata.annotations[kubernetes.io/service-account.name]: Required value");
  EXPECT_EQ(faults(secret(), object(R"("type":"mine")")), "");
}

TEST(Secret, KeepsItsType) {
  const json::Tree before = object(R"("type":"Opaque")");
  EXPECT_EQ(faults(secret(), object(R"("type":"mine")"), &before),
            "type: Invalid value: \"mine\": field is immutable");
}

}  // namespace
}  // namespace gantry::kube::rules
