// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "base/timestamp.h"
#include "kube/admission/plugins.h"
#include "kube/api/user_info.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kGroup = "certificates.k8s.io";
constexpr const char* kPlural = "certificatesigningrequests";
constexpr std::size_t kSecondsSize = 19;  // of "2026-11-22T10:20:30.000000000Z"

// Signers and approvers believe what a request says of who made it, so nobody says it himself.
class CertificateRequester final : public Plugin {
 public:
  std::string_view name() const override { return "CertificateRequester"; }

  Answer<void> mutate(AdmissionRequest& request) const override {
    if (!request.is_about(kGroup, kPlural) || request.object == nullptr) return {};
    if (request.operation == Operation::Update && request.old_object != nullptr) {
      if (const json::Tree* spec = request.old_object->find("spec")) request.object->object()["spec"] = *spec;
      if (!request.subresource.empty()) date_conditions(*request.object, *request.old_object);
    } else if (request.creates(kGroup, kPlural)) {
      name_requester(request.object->object()["spec"].object(), request.user);
    }
    return {};
  }

 private:
  // When it was said, and when it became so.
  static void date_conditions(json::Tree& object, const json::Tree& before) {
    if (object.find("status", "conditions") == nullptr) return;
    const std::string now = format_timestamp(wall_clock_now()).substr(0, kSecondsSize) + "Z";
    for (json::Tree& condition : object.object()["status"].object()["conditions"].array()) {
      if (!condition.is_object()) continue;
      if (condition.text_at("lastUpdateTime").empty()) condition.object()["lastUpdateTime"] = now;
      if (!condition.text_at("lastTransitionTime").empty()) continue;
      const std::string_view then = time_of_same(before, condition);
      condition.object()["lastTransitionTime"] = then.empty() ? std::string_view(now) : then;
    }
  }
  static std::string_view time_of_same(const json::Tree& before, const json::Tree& condition) {
    if (const json::Tree* conditions = before.find("status", "conditions"))
      for (const json::Tree& other : conditions->array())
        if (other.text_at("type") == condition.text_at("type") &&
            other.text_at("status") == condition.text_at("status"))
          return other.text_at("lastTransitionTime");
    return {};
  }

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
