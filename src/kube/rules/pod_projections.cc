// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/pod_projections.h"

#include <set>
#include <string>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/downward_fields.h"
#include "kube/rules/signer_name.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kPodFields[] = {"metadata.annotations", "metadata.labels", "metadata.name",
                                           "metadata.namespace", "metadata.uid"};
constexpr std::string_view kKeyTypes[] = {"RSA3072",   "RSA4096",   "ECDSAP256",
                                          "ECDSAP384", "ECDSAP521", "ED25519"};
constexpr const char* kCertificateFiles[] = {"credentialBundlePath", "keyPath", "certificateChainPath"};
constexpr std::int64_t kMostMode = 0777;
constexpr std::int64_t kShortestToken = 600;              // seconds
constexpr std::int64_t kLongestToken = 1LL << 32;         // seconds
constexpr std::int64_t kShortestCertificate = 3600;       // seconds
constexpr std::int64_t kLongestCertificate = 91 * 86400;  // seconds
constexpr std::int64_t kLongestOfKubernetes = 86400;      // seconds

// All files of one volume.
class Files {
 public:
  // Of it, of the whole of which is told.
  explicit Files(const Spot& volume) : volume_(volume) {}
  // `shown`: what the message has as value.
  void take(std::string_view path, const Tree& shown) {
    if (!paths_.insert(path).second) volume_.invalid(shown, "conflicting duplicate paths");
  }
  void take(std::string_view path) { take(path, Tree(path)); }
  const Spot& volume() const { return volume_; }

 private:
  const Spot& volume_;
  std::set<std::string_view> paths_;
};

// Of a Secret or ConfigMap.
void keyed(const Spot& source, Files& files) {
  required(source["name"]);
  source["items"].each([&](const Spot& item) {
    key_to_path(item);
    if (const std::string_view path = item["path"].text(); !path.empty())
      files.take(path, source["name"].value());
  });
}

void downward(const Spot& source, Files& files) {
  source["items"].each([&](const Spot& file) {
    downward_file(source, file);
    if (const std::string_view path = file["path"].text(); !path.empty()) files.take(path);
  });
}

void token(const Spot& source, Files& files) {
  const Spot seconds = source["expirationSeconds"];
  if (seconds.is_set() && seconds.number() < kShortestToken)
    seconds.invalid("may not specify a duration less than 10 minutes");
  if (seconds.number() > kLongestToken)
    seconds.invalid("may not specify a duration larger than 2^32 seconds");
  const Spot path = files.volume()["path"].with_value_of(source["path"]);
  if (path.text().empty())
    path.required();
  else
    unreserved_path(path);
}

void bundle_by_name(const Spot& source) {
  const Spot name = source["name"];
  if (name.text().empty()) name.required("must be a valid object name");
  for (const std::string& fault : trust_bundle_name_faults(name.text(), signer_of_trust_bundle(name.text())))
    name.invalid(fmt::format("not a valid clustertrustbundlename: {}", fault));
  if (source["labelSelector"].is_set())
    source["labelSelector"].invalid("labelSelector must be unset if name is specified");
}

void bundles_by_signer(const Spot& source) {
  const Spot signer = source["signerName"];
  if (signer.text().empty()) signer.required("must be a valid signer name");
  signer_name(signer);
  label_selector(source["labelSelector"]);
}

void trust_bundle(const Spot& source, Files& files) {
  const bool has_name = source["name"].is_set();
  const bool has_signer = source["signerName"].is_set();
  if (has_name && has_signer)
    source.invalid("only one of name and signerName may be used");
  else if (has_name)
    bundle_by_name(source);
  else if (has_signer)
    bundles_by_signer(source);
  else
    source.required("either name or signerName must be specified");
  required(source["path"]);
  unreserved_path(source["path"]);
  files.take(source["path"].text());
}

void certificate_lifetime(const Spot& seconds, std::string_view signer) {
  if (!seconds.is_set()) return;
  if (seconds.number() < kShortestCertificate)
    seconds.invalid(fmt::format("if provided, maxExpirationSeconds must be >= {}", kShortestCertificate));
  const std::int64_t longest = is_kubernetes_signer(signer) ? kLongestOfKubernetes : kLongestCertificate;
  if (seconds.number() > longest)
    seconds.invalid(fmt::format("if provided, maxExpirationSeconds must be <= {}", longest));
}

// Each is somebody's.
void user_annotations(const Spot& given) {
  annotations(given);
  for (const auto& [key, value] : given.value().object())
    if (key.find('/') == std::string::npos)
      given.invalid(Tree(key), "must be a domain-prefixed key (such as \"acme.io/foo\")");
}

void certificate(const Spot& source, Files& files) {
  signer_name(source["signerName"]);
  user_annotations(source["userAnnotations"]);
  if (const Spot type = source["keyType"]; !type.has_something())
    type.not_supported(kKeyTypes);
  else
    one_of_if_set(type, kKeyTypes);
  certificate_lifetime(source["maxExpirationSeconds"], source["signerName"].text());
  bool has_file = false;
  for (const char* field : kCertificateFiles) {
    const Spot path = source[field];
    if (path.text().empty()) continue;
    has_file = true;
    unreserved_path(path);
    files.take(path.text());
  }
  if (!has_file)
    source.required("specify at least one of credentialBundlePath, keyPath, and certificateChainPath");
}

struct Projection {
  const char* field;
  void (*check)(const Spot& source, Files& files);
};
constexpr Projection kProjections[] = {{"secret", keyed},
                                       {"configMap", keyed},
                                       {"downwardAPI", downward},
                                       {"serviceAccountToken", token},
                                       {"clusterTrustBundle", trust_bundle},
                                       {"podCertificate", certificate}};

}  // namespace

void projected_volume(const Spot& source) {
  file_mode(source["defaultMode"]);
  Files files(source);
  source["sources"].each([&](const Spot& one) {
    std::size_t origins = 0;
    for (const Projection& projection : kProjections)
      if (const Spot origin = one[projection.field]; origin.is_set()) {
        ++origins;
        projection.check(origin, files);
      }
    if (origins > 1) one.forbidden("may not specify more than 1 volume type per source");
  });
}

void file_mode(const Spot& mode) {
  if (mode.is_set() && (mode.number() < 0 || mode.number() > kMostMode))
    mode.invalid("must be a number between 0 and 0777 (octal), both inclusive");
}

void key_to_path(const Spot& item) {
  required(item["key"]);
  required(item["path"]);
  unreserved_path(item["path"]);
  file_mode(item["mode"]);
}

void downward_file(const Spot& place, const Spot& file) {
  const Spot path = place["path"].with_value_of(file["path"]);
  const Spot field = place["fieldRef"].with_value_of(file["fieldRef"]);
  const Spot resource = place["resourceFieldRef"].with_value_of(file["resourceFieldRef"]);
  required(path);
  unreserved_path(path);
  if (field.is_set()) {
    field_reference(field, kPodFields);
    if (resource.is_set())
      place.invalid(Tree("resource"), "fieldRef and resourceFieldRef can not be specified simultaneously");
  } else if (resource.is_set()) {
    resource_reference(resource, true);
  } else {
    place.required("one of fieldRef and resourceFieldRef is required");
  }
  file_mode(place["mode"].with_value_of(file["mode"]));
}

}  // namespace gantry::kube::rules
