// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "kube/admission/followed_objects.h"
#include "kube/admission/plugins.h"
#include "kube/admission/pod_parts.h"
#include "kube/rules/pod_amounts.h"

namespace gantry::kube::admission {
namespace {

using json::Tree;
using Faults = std::vector<std::string>;

// What somebody asks for, against one limit of a LimitRange.
class LimitCheck {
 public:
  LimitCheck(const Tree& limit, const ResourceAmounts& requests, const ResourceAmounts& limits,
             Faults& faults)
      : limit_(limit), type_(limit.text_at("type")), requests_(requests), limits_(limits), faults_(faults) {}

  void run() {
    for (const auto& [name, least] : amounts_at(limit_, "min")) check_min(name, least);
    for (const auto& [name, most] : amounts_at(limit_, "max")) check_max(name, most);
    for (const auto& [name, ratio] : amounts_at(limit_, "maxLimitRequestRatio")) check_ratio(name, ratio);
  }

 private:
  const Quantity* request(const std::string& name) const { return find(requests_, name); }
  const Quantity* limit(const std::string& name) const { return find(limits_, name); }
  static const Quantity* find(const ResourceAmounts& amounts, const std::string& name) {
    const auto found = amounts.find(name);
    return found == amounts.end() ? nullptr : &found->second;
  }

  void check_min(const std::string& name, const Quantity& least) {
    const std::string rule = fmt::format("minimum {} usage per {} is {}", name, type_, least.text());
    if (request(name) == nullptr)
      faults_.push_back(rule + ".  No request is specified");
    else if (*request(name) < least)
      faults_.push_back(fmt::format("{}, but request is {}", rule, request(name)->text()));
    else if (limit(name) != nullptr && *limit(name) < least)
      faults_.push_back(fmt::format("{}, but limit is {}", rule, limit(name)->text()));
  }

  void check_max(const std::string& name, const Quantity& most) {
    const std::string rule = fmt::format("maximum {} usage per {} is {}", name, type_, most.text());
    if (limit(name) == nullptr)
      faults_.push_back(rule + ".  No limit is specified");
    else if (*limit(name) > most)
      faults_.push_back(fmt::format("{}, but limit is {}", rule, limit(name)->text()));
    else if (request(name) != nullptr && *request(name) > most)
      faults_.push_back(fmt::format("{}, but request is {}", rule, request(name)->text()));
  }

  void check_ratio(const std::string& name, const Quantity& most) {
    const std::string rule =
        fmt::format("{} max limit to request ratio per {} is {}", name, type_, most.text());
    if (request(name) == nullptr || request(name)->sign() == 0)
      return faults_.push_back(rule + ", but no request is specified or request is 0");
    if (limit(name) == nullptr || limit(name)->sign() == 0)
      return faults_.push_back(rule + ", but no limit is specified or limit is 0");
    const double ratio = limit(name)->as_double() / request(name)->as_double();
    if (ratio > most.as_double())
      faults_.push_back(fmt::format("{}, but provided ratio is {:.6f}", rule, ratio));
  }

  const Tree& limit_;
  const std::string_view type_;
  const ResourceAmounts& requests_;
  const ResourceAmounts& limits_;
  Faults& faults_;
};

// "cpu, memory request for container web": which of `defaults` the container had not.
std::string fill_in(Tree& container, const char* member, const std::map<std::string, Tree>& defaults,
                    const char* what) {
  std::string names;
  for (const auto& [name, amount] : defaults) {
    json::TreeObject& amounts = container.object()["resources"].object()[member].object();
    if (amounts.contains(name)) continue;
    amounts[name] = amount;
    names += (names.empty() ? "" : ", ") + name;
  }
  if (names.empty()) return names;
  return fmt::format("{} {} for container {}", names, what, container.text_at("name"));
}

class LimitRanger final : public Plugin {
 public:
  explicit LimitRanger(ObjectSource& objects) : ranges_(objects, "limitranges") {}
  std::string_view name() const override { return "LimitRanger"; }

  Answer<void> mutate(AdmissionRequest& request) const override {
    if (!request.creates("", "pods")) return {};
    for (const auto& range : ranges_.all_in(request.name_space)) fill_in_defaults(*range, *request.object);
    return {};
  }

  Answer<void> validate(AdmissionRequest& request) const override {
    const bool is_pod = request.creates("", "pods");
    const bool is_claim =
        request.creates("", "persistentvolumeclaims") || request.updates("", "persistentvolumeclaims");
    if (!is_pod && !is_claim) return {};
    Faults faults;
    for (const auto& range : ranges_.all_in(request.name_space))
      for_each_limit(*range, [&](const Tree& limit) {
        is_pod ? check_pod(limit, *request.object, faults) : check_claim(limit, *request.object, faults);
      });
    if (faults.empty()) return {};
    return request.forbidden(faults.size() == 1 ? faults.front()
                                                : fmt::format("[{}]", fmt::join(faults, ", ")));
  }

 private:
  template <class Visit>
  static void for_each_limit(const Tree& range, Visit&& visit) {
    if (const Tree* limits = range.find("spec", "limits"))
      for (const Tree& limit : limits->array()) visit(limit);
  }

  static void fill_in_defaults(const Tree& range, Tree& pod) {
    std::map<std::string, Tree> requests, limits;
    for_each_limit(range, [&](const Tree& limit) {
      if (limit.text_at("type") != "Container") return;
      if (const Tree* amounts = limit.find("defaultRequest"))
        for (const auto& [name, amount] : amounts->object()) requests[name] = amount;
      if (const Tree* amounts = limit.find("default"))
        for (const auto& [name, amount] : amounts->object()) limits[name] = amount;
    });
    std::string done;
    for_each_container(pod, [&](Tree& container) {
      for (const std::string& text : {fill_in(container, "requests", requests, "request"),
                                      fill_in(container, "limits", limits, "limit")})
        if (!text.empty()) done += (done.empty() ? "" : "; ") + text;
    });
    if (done.empty()) return;
    pod.object()["metadata"].object()["annotations"].object()["kubernetes.io/limit-ranger"] =
        fmt::format("LimitRanger plugin set: {}", done);
  }

  static void check_pod(const Tree& limit, const Tree& pod, Faults& faults) {
    const std::string_view type = limit.text_at("type");
    if (type == "Pod")
      return LimitCheck(limit, rules::amounts_of_pod(pod, "requests"), rules::amounts_of_pod(pod, "limits"),
                        faults)
          .run();
    if (type != "Container") return;
    for (const char* kind : {kContainers, kInitContainers})
      for_each_of(pod, kind, [&](const Tree& container) {
        LimitCheck(limit, amounts_at(container, "resources", "requests"),
                   amounts_at(container, "resources", "limits"), faults)
            .run();
      });
  }

  // Claims have no limits: what they ask for counts as both.
  static void check_claim(const Tree& limit, const Tree& claim, Faults& faults) {
    if (limit.text_at("type") != "PersistentVolumeClaim") return;
    const ResourceAmounts requests = amounts_at(claim, "spec", "resources", "requests");
    LimitCheck(limit, requests, requests, faults).run();
  }

  const FollowedObjects ranges_;
};

}  // namespace

std::unique_ptr<Plugin> limit_ranger(ObjectSource& objects) { return std::make_unique<LimitRanger>(objects); }

}  // namespace gantry::kube::admission
