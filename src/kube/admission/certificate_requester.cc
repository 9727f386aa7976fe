// SPDX-License-Identifier: Apache-2.0
#include "kube/admission/plugins.h"
#include "kube/api/user_info.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kGroup = "certificates.k8s.io";
constexpr const char* kPlural = "certificatesigningrequests";

// Signers and approvers believe what a request says of who made it, so nobody says it himself.
class CertificateRequester final : public Plugin {
 public:
  std::string_view name() const override { return "CertificateRequester"; }

  Answer<void> mutate(AdmissionRequest& request) const override {
    if (!request.is_about(kGroup, kPlural) || request.object == nullptr) return {};
    if (request.operation == Operation::Update && request.old_object != nullptr) {
      if (const json::Tree* spec = request.old_object->find("spec")) request.object->object()["spec"] = *spec;
    } else if (request.creates(kGroup, kPlural)) {
      name_requester(request.object->object()["spec"].object(), request.user);
    }
    return {};
  }

 private:
  static void name_requester(json::TreeObject& spec, const User& user) {
    const json::Tree info = user_info(user);
    for (const char* key : {"username", "uid", "groups", "extra"}) {
      spec.erase(key);
      if (const json::Tree* value = info.find(key)) spec[key] = *value;
    }
  }
};

}  // namespace

std::unique_ptr<Plugin> certificate_requester() { return std::make_unique<CertificateRequester>(); }

}  // namespace gantry::kube::admission
