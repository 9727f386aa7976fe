// SPDX-License-Identifier: Apache-2.0
//
// ConfigMap and Secret: keys and what they hold together.
#include <fmt/format.h>

#include "base/base64.h"
#include "kube/rules/checks.h"
#include "kube/rules/kind_rules.h"

namespace gantry::kube::rules {
namespace {

constexpr std::size_t kSize = 1 << 20;  // of all values together

void config_map(const Spot& object) {
  const Spot data = object["data"];
  const Spot binary = object["binaryData"];
  std::size_t size = 0;
  data.each_member([&](std::string_view key, const Spot& value) {
    for (const std::string& fault : config_key_faults(key)) value.invalid(key, fault);
    // A key may stand in one of the two only.
    if (binary.value().find(key) != nullptr) value.invalid(key, "duplicate of key present in binaryData");
    size += value.text().size();
  });
  binary.each_member([&](std::string_view key, const Spot& value) {
    for (const std::string& fault : config_key_faults(key)) value.invalid(key, fault);
    size += decoded_size(value.text());
  });
  if (size > kSize) object.too_long(kSize);
}

void not_thawed(const Spot& object, const json::Tree& before,
                std::initializer_list<std::string_view> fields) {
  const json::Tree* was = before.find("immutable");
  if (was == nullptr || !was->as_bool()) return;
  if (!object["immutable"].flag())
    object["immutable"].forbidden("field is immutable when `immutable` is set");
  for (const std::string_view field : fields)
    if (!is_same(&object[field].value(), before.find(field)))
      object[field].forbidden("field is immutable when `immutable` is set");
}

void config_map_update(const Spot& object, const json::Tree& before) {
  not_thawed(object, before, {"data", "binaryData"});
}

// What secrets of a type must hold.
struct SecretType {
  std::string_view type;
  std::string_view key;
};
constexpr SecretType kRequiredKeys[] = {
    {"kubernetes.io/dockercfg", ".dockercfg"},
    {"kubernetes.io/dockerconfigjson", ".dockerconfigjson"},
    {"kubernetes.io/ssh-auth", "ssh-privatekey"},
    {"kubernetes.io/tls", "tls.crt"},
    {"kubernetes.io/tls", "tls.key"},
};

void document(const Spot& value) {
  const auto text = from_base64(value.text());
  if (!text || !json::Document::parse(*text))
    value.invalid(json::Tree("<secret contents redacted>"), "invalid character in JSON document");
}

void secret(const Spot& object) {
  const Spot data = object["data"];
  std::size_t size = 0;
  data.each_member([&](std::string_view key, const Spot& value) {
    for (const std::string& fault : config_key_faults(key)) value.invalid(key, fault);
    size += decoded_size(value.text());
  });
  if (size > kSize) data.too_long(kSize);
  const std::string_view type = object["type"].text();
  for (const SecretType& one : kRequiredKeys)
    if (type == one.type && !data.key(one.key).is_set()) data.key(one.key).required();
  if (type == "kubernetes.io/basic-auth" && !data.key("username").is_set() &&
      !data.key("password").is_set()) {
    data.key("username").required();
    data.key("password").required();
  }
  if (type == "kubernetes.io/service-account-token")
    required(object["metadata"]["annotations"].key("kubernetes.io/service-account.name"));
  for (const char* key : {".dockercfg", ".dockerconfigjson"})
    if (type == std::string("kubernetes.io/").append(key + 1) && data.key(key).is_set())
      document(data.key(key));
}

void secret_update(const Spot& object, const json::Tree& before) {
  immutable(object["type"], before.find("type"));
  not_thawed(object, before, {"data", "stringData"});
}

constexpr KindRules kRules[] = {
    {.group = "", .kind = "ConfigMap", .check = config_map, .check_update = config_map_update},
    {.group = "", .kind = "Secret", .check = secret, .check_update = secret_update},
};

}  // namespace

std::span<const KindRules> config_rules() { return kRules; }

}  // namespace gantry::kube::rules
