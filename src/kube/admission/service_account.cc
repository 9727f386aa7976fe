// SPDX-License-Identifier: Apache-2.0
//
// A token reaches a pod as a file of a projected volume, which its node renews
// (https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/).
#include <algorithm>

#include <fmt/format.h>

#include "base/random.h"
#include "kube/admission/followed_objects.h"
#include "kube/admission/plugins.h"
#include "kube/admission/pod_parts.h"
#include "kube/api/stored_kinds.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;
using json::TreeArray;
using json::TreeObject;

constexpr const char* kDefaultAccount = "default";
constexpr const char* kMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr const char* kVolumePrefix = "kube-api-access-";
constexpr const char* kRootCertificates = "kube-root-ca.crt";  // a ConfigMap that every namespace has
// An hour, and a little that tells tokens of this plugin from others: nodes accept older ones of these for
// clients that do not read them again.
constexpr int kTokenSeconds = 3607;
constexpr int kReadable = 0644;

Tree object_of(std::initializer_list<std::pair<const char*, Tree>> members) {
  TreeObject object;
  for (const auto& [name, value] : members) object[name] = value;
  return object;
}

// What all of these volumes and mounts are; each volume has a name of its own.
Tree named(Tree common, std::string_view volume) {
  common.object()["name"] = volume;
  return common;
}

Tree token_mount(std::string_view volume) {
  static const Tree kMount = object_of({{"mountPath", kMountPath}, {"name", ""}, {"readOnly", true}});
  return named(kMount, volume);
}

Tree projected_token() {
  const Tree token = object_of({{"expirationSeconds", kTokenSeconds}, {"path", "token"}});
  const Tree certificates =
      object_of({{"name", kRootCertificates},
                 {"items", TreeArray{object_of({{"key", "ca.crt"}, {"path", "ca.crt"}})}}});
  const Tree field = object_of({{"apiVersion", "v1"}, {"fieldPath", "metadata.namespace"}});
  const Tree name_space =
      object_of({{"items", TreeArray{object_of({{"path", "namespace"}, {"fieldRef", field}})}}});
  return object_of({{"defaultMode", kReadable},
                    {"sources", TreeArray{object_of({{"serviceAccountToken", token}}),
                                          object_of({{"configMap", certificates}}),
                                          object_of({{"downwardAPI", name_space}})}}});
}

Tree token_volume(std::string_view name) {
  static const Tree kVolume = object_of({{"name", ""}, {"projected", projected_token()}});
  return named(kVolume, name);
}

bool mounts_a_token(const Tree& container) {
  const Tree* mounts = container.find("volumeMounts");
  return mounts != nullptr && std::ranges::any_of(mounts->array(), [](const Tree& mount) {
           return mount.text_at("mountPath") == kMountPath;
         });
}

// Five letters and digits that make no words.
std::string random_suffix() {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::byte random[5];
  fill_random(random);
  std::string text;
  for (const std::byte byte : random)
    text += kAlphabet[std::to_integer<std::size_t>(byte) % kAlphabet.size()];
  return text;
}

// Of a volume of an earlier pass, so that admitting twice adds one.
std::string token_volume_name(const Tree& pod) {
  if (const Tree* volumes = pod.find("spec", "volumes"))
    for (const Tree& volume : volumes->array())
      if (volume.text_at("name").starts_with(kVolumePrefix)) return std::string(volume.text_at("name"));
  return {};
}

void mount_token(Tree& pod) {
  std::string volume = token_volume_name(pod);
  const bool is_new = volume.empty();
  if (is_new) volume = kVolumePrefix + random_suffix();
  bool is_needed = false;
  for_each_container(pod, [&](Tree& container) {
    if (mounts_a_token(container)) return;
    is_needed = true;
    container.object()["volumeMounts"].array().push_back(token_mount(volume));
  });
  if (is_needed && is_new) pod.object()["spec"].object()["volumes"].array().push_back(token_volume(volume));
}

// What the pod says counts, then what the account says.
bool wants_token(const Tree& pod, const Tree& account) {
  if (const Tree* said = pod.find("spec", "automountServiceAccountToken")) return said->as_bool();
  if (const Tree* said = account.find("automountServiceAccountToken")) return said->as_bool();
  return true;
}

// Copies of what runs already have no use for accounts and secrets, and would give them to their node.
Answer<void> check_mirror_pod(const AdmissionRequest& request) {
  const Tree& pod = *request.object;
  if (!pod.text_at("spec", "serviceAccountName").empty())
    return request.forbidden("a mirror pod may not reference service accounts");
  if (const Tree* volumes = pod.find("spec", "volumes"))
    for (const Tree& volume : volumes->array()) {
      if (volume.find("secret") != nullptr)
        return request.forbidden("a mirror pod may not reference secrets");
      const Tree* sources = volume.find("projected", "sources");
      for (const Tree& source : sources == nullptr ? TreeArray() : sources->array())
        if (source.find("serviceAccountToken") != nullptr)
          return request.forbidden("a mirror pod may not use ServiceAccountToken volume projections");
    }
  return {};
}

class ServiceAccount final : public Plugin {
 public:
  ServiceAccount(ObjectSource& objects, std::chrono::milliseconds patience)
      : accounts_(objects, stored::kServiceAccounts), patience_(patience) {}
  std::string_view name() const override { return "ServiceAccount"; }

  Answer<void> mutate(AdmissionRequest& request) const override {
    if (!request.creates("", "pods")) return {};
    Tree& pod = *request.object;
    if (is_mirror_pod(pod)) return check_mirror_pod(request);
    TreeObject& spec = pod.object()["spec"].object();
    std::string account_name(pod.text_at("spec", "serviceAccountName"));
    if (account_name.empty()) account_name = kDefaultAccount;
    spec["serviceAccountName"] = account_name;
    spec["serviceAccount"] = account_name;  // its name in older clients
    const auto account = find_account(request.name_space, account_name);
    if (account == nullptr)
      return request.forbidden(
          fmt::format("error looking up service account {}/{}: serviceaccount \"{}\" not found",
                      request.name_space, account_name, account_name));
    if (wants_token(pod, *account)) mount_token(pod);
    const Tree* secrets = account->find("imagePullSecrets");
    const Tree* own = spec.find("imagePullSecrets");
    if (secrets != nullptr && (own == nullptr || own->array().empty())) spec["imagePullSecrets"] = *secrets;
    return {};
  }

 private:
  using Account = FollowedObjects::Object;

  // The default one is made a moment after its namespace, for whose first pods stock servers wait as well.
  Account find_account(std::string_view name_space, std::string_view name) const {
    if (name == kDefaultAccount) return accounts_.wait_for(name_space, name, patience_);
    return accounts_.find(name_space, name);
  }

  const FollowedObjects accounts_;
  const std::chrono::milliseconds patience_;
};

}  // namespace

std::unique_ptr<Plugin> service_account(ObjectSource& objects, std::chrono::milliseconds patience) {
  return std::make_unique<ServiceAccount>(objects, patience);
}

}  // namespace gantry::kube::admission
