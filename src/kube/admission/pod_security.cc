// SPDX-License-Identifier: Apache-2.0
//
// A namespace's labels say which standard its pods are held to, which is written to the audit log, and which
// its users are warned about (https://kubernetes.io/docs/concepts/security/pod-security-admission/). What
// makes pods (a Deployment) is warned about and never refused, so that its pods are.
#include <fmt/format.h>

#include "kube/admission/followed_objects.h"
#include "kube/admission/plugins.h"
#include "kube/admission/pod_security_checks.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;

constexpr const char* kPrefix = "pod-security.kubernetes.io/";

// What a namespace says about one use of the standards, as labels.
struct Mode {
  std::string_view label;
  std::string_view version_label;
};
constexpr Mode kEnforce{"pod-security.kubernetes.io/enforce", "pod-security.kubernetes.io/enforce-version"};
constexpr Mode kAudit{"pod-security.kubernetes.io/audit", "pod-security.kubernetes.io/audit-version"};
constexpr Mode kWarn{"pod-security.kubernetes.io/warn", "pod-security.kubernetes.io/warn-version"};

struct Policy {
  SecurityLevel level = SecurityLevel::Privileged;
  int version = kLatestStandard;
  std::string text = "privileged:latest";  // with its version
};

// What is not understood counts as the strictest, as in Kubernetes: a slip of the pen opens nothing.
Policy policy_of(const Tree& name_space, const Mode& mode) {
  const Tree* level = name_space.find("metadata", "labels", mode.label);
  if (level == nullptr) return {};
  const std::string_view version = name_space.text_at("metadata", "labels", mode.version_label);
  const auto parsed = parse_security_level(level->as_string());
  const auto pinned = parse_standard_version(version);
  return {.level = parsed.value_or(SecurityLevel::Restricted),
          .version = pinned.value_or(kLatestStandard),
          .text = fmt::format("{}:{}", parsed ? level->as_string() : "restricted",
                              pinned ? version : std::string_view("latest"))};
}

// Where in an object of this kind its pods' template is; null: it makes none.
const Tree* template_of(const AdmissionRequest& request) {
  const Tree& object = *request.object;
  if (request.is_about("", "podtemplates")) return object.find("template");
  if (request.is_about("batch", "cronjobs")) return object.find("spec", "jobTemplate", "spec", "template");
  const bool is_workload =
      request.is_about("", "replicationcontrollers") || request.is_about("apps", "replicasets") ||
      request.is_about("apps", "deployments") || request.is_about("apps", "daemonsets") ||
      request.is_about("apps", "statefulsets") || request.is_about("batch", "jobs");
  return is_workload ? object.find("spec", "template") : nullptr;
}

class PodSecurity final : public Plugin {
 public:
  explicit PodSecurity(ObjectSource& objects) : name_spaces_(objects, "namespaces") {}
  std::string_view name() const override { return "PodSecurity"; }

  Answer<void> validate(AdmissionRequest& request) const override {
    if (request.operation != Operation::Create && request.operation != Operation::Update) return {};
    if (request.is_about("", "namespaces") && request.subresource.empty()) return check_labels(request);
    if (request.is_about("", "pods")) return check_pod(request);
    if (!request.subresource.empty()) return {};
    if (const Tree* pods = template_of(request)) warn_and_note(request, *pods);
    return {};
  }

 private:
  Answer<void> check_pod(AdmissionRequest& request) const {
    if (!request.subresource.empty() && request.subresource != "ephemeralcontainers") return {};
    // Labels and the like do not change what a pod may do.
    if (request.old_object != nullptr && has_same_spec(*request.old_object, *request.object)) return {};
    const auto name_space = name_spaces_.find("", request.name_space);
    if (name_space == nullptr) return {};
    const Policy enforced = policy_of(*name_space, kEnforce);
    request.audit_annotations[kPrefix + std::string("enforce-policy")] = enforced.text;
    const auto violations = security_violations(enforced.level, enforced.version, *request.object);
    if (!violations.empty())
      return request.forbidden(
          fmt::format("violates PodSecurity \"{}\": {}", enforced.text, fmt::join(violations, ", ")));
    warn_and_note(request, *request.object);
    return {};
  }

  static bool has_same_spec(const Tree& before, const Tree& after) {
    const Tree *a = before.find("spec"), *b = after.find("spec");
    return a != nullptr && b != nullptr && *a == *b;
  }

  void warn_and_note(AdmissionRequest& request, const Tree& pod) const {
    const auto name_space = name_spaces_.find("", request.name_space);
    if (name_space == nullptr) return;
    if (const std::string text = violation_text(policy_of(*name_space, kAudit), pod); !text.empty())
      request.audit_annotations[kPrefix + std::string("audit-violations")] = text;
    if (std::string text = violation_text(policy_of(*name_space, kWarn), pod); !text.empty())
      request.warnings.push_back(std::move(text));
  }

  static std::string violation_text(const Policy& policy, const Tree& pod) {
    const auto violations = security_violations(policy.level, policy.version, pod);
    if (violations.empty()) return {};
    return fmt::format("would violate PodSecurity \"{}\": {}", policy.text, fmt::join(violations, ", "));
  }

  // A new label has to be understood; one that was there before does not keep people from changing the rest.
  static Answer<void> check_labels(const AdmissionRequest& request) {
    std::vector<Cause> causes;
    for (const Mode& mode : {kEnforce, kAudit, kWarn}) {
      check_label(
          request, mode.label, causes,
          [](std::string_view text) { return parse_security_level(text).has_value(); },
          "must be one of privileged, baseline, restricted");
      check_label(
          request, mode.version_label, causes,
          [](std::string_view text) { return parse_standard_version(text).has_value(); },
          "must be \"latest\" or \"v1.x\"");
    }
    if (causes.empty()) return {};
    return invalid("", "Namespace", request.name, std::move(causes));
  }

  template <class IsValid>
  static void check_label(const AdmissionRequest& request, std::string_view label, std::vector<Cause>& causes,
                          IsValid&& is_valid, const char* rule) {
    const Tree* value = request.object->find("metadata", "labels", label);
    if (value == nullptr || is_valid(value->as_string())) return;
    const Tree* before =
        request.old_object == nullptr ? nullptr : request.old_object->find("metadata", "labels", label);
    if (before != nullptr && *before == *value) return;
    causes.push_back({.reason = "FieldValueInvalid",
                      .message = fmt::format("Invalid value: \"{}\": {}", value->as_string(), rule),
                      .field = fmt::format("metadata.labels[{}]", label)});
  }

  const FollowedObjects name_spaces_;
};

}  // namespace

std::unique_ptr<Plugin> pod_security(ObjectSource& objects) { return std::make_unique<PodSecurity>(objects); }

}  // namespace gantry::kube::admission
