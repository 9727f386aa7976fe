// SPDX-License-Identifier: Apache-2.0
//
// What governs a cluster: quotas, bindings of roles, admission policies, certificate requests, aggregation.
#include <algorithm>

#include <fmt/format.h>

#include "kube/views/age.h"
#include "kube/views/cell.h"
#include "kube/views/value_access.h"

namespace gantry::kube::views {
namespace {

using json::Value;

// "cpu: 500m/2, pods: 3/10": of limits, or of all else.
void write_quota(const Cell& cell, bool of_limits) {
  std::vector<std::string> texts;
  const auto hard = at(cell.object, "status", "hard");
  for (std::size_t i = 0; i < size_of(hard); ++i) {
    const std::string_view resource = hard->key(i);
    if (resource.starts_with("limits.") != of_limits) continue;
    const auto used = at(cell.object, "status", "used", resource);
    texts.push_back(
        fmt::format("{}: {}/{}", resource, used ? plain_text(*used) : "0", plain_text(hard->at(i))));
  }
  std::ranges::sort(texts);
  cell.write(fmt::format("{}", fmt::join(texts, ", ")));
}
void quota_requests(const Cell& cell) { write_quota(cell, false); }
void quota_limits(const Cell& cell) { write_quota(cell, true); }

// Those of one kind: the argument.
void subjects(const Cell& cell) {
  std::vector<std::string> names;
  for_each(at(cell.object, "subjects"), [&](const Value& subject) {
    if (text_at(subject, "kind") != cell.arguments.word) return;
    const std::string_view name = text_at(subject, "name");
    names.push_back(cell.arguments.word == "ServiceAccount"
                        ? fmt::format("{}/{}", text_at(subject, "namespace"), name)
                        : std::string(name));
  });
  cell.write(fmt::format("{}", fmt::join(names, ", ")));
}

void role_ref(const Cell& cell) {
  cell.write(
      fmt::format("{}/{}", text_at(cell.object, "roleRef", "kind"), text_at(cell.object, "roleRef", "name")));
}

void param_kind(const Cell& cell) {
  const auto kind = at(cell.object, "spec", "paramKind");
  if (!kind) return cell.write("<unset>");
  cell.write(fmt::format("{}/{}", text_at(*kind, "apiVersion"), text_at(*kind, "kind")));
}

void param_ref(const Cell& cell) {
  const auto parameters = at(cell.object, "spec", "paramRef");
  if (!parameters) return cell.write("<unset>");
  const std::string_view name_space = text_at(*parameters, "namespace");
  const std::string_view name = text_at(*parameters, "name");
  const std::string_view shown = name.empty() ? "*" : name;
  cell.write(name_space.empty() ? std::string(shown) : fmt::format("{}/{}", name_space, shown));
}

void csr_duration(const Cell& cell) {
  const std::int64_t seconds = number_at(cell.object, "spec", "expirationSeconds");
  cell.write(seconds == 0 ? "<none>" : age_text(seconds));
}

// "Approved,Issued": what was decided, and whether the certificate is there.
void csr_condition(const Cell& cell) {
  std::string text;
  for (const std::string_view type : {"Approved", "Denied", "Failed"}) {
    if (!condition_of(cell.object, type)) continue;
    // Nobody decides both; if somebody has, it is denied.
    if (type == "Denied") text.clear();
    text += fmt::format("{}{}", text.empty() ? "" : ",", type);
  }
  if (text.empty()) text = "Pending";
  if (!text_at(cell.object, "status", "certificate").empty()) text += ",Issued";
  cell.write(text);
}

void missing_priority_level(const Cell& cell) {
  const auto condition = condition_of(cell.object, "Dangling");
  cell.write(condition ? text_at(*condition, "status") : std::string_view(), "?");
}

void api_service(const Cell& cell) {
  const auto service = at(cell.object, "spec", "service");
  if (!service) return cell.write("Local");
  cell.write(fmt::format("{}/{}", text_at(*service, "namespace"), text_at(*service, "name")));
}

void api_service_available(const Cell& cell) {
  const auto condition = condition_of(cell.object, "Available");
  if (!condition) return cell.write("Unknown");
  const std::string_view status = text_at(*condition, "status");
  if (status == "True") return cell.write(status);
  cell.write(fmt::format("{} ({})", status, text_at(*condition, "reason")));
}

constexpr NamedCell kCells[] = {
    {"quota_requests", quota_requests},
    {"quota_limits", quota_limits},
    {"subjects", subjects},
    {"role_ref", role_ref},
    {"param_kind", param_kind},
    {"param_ref", param_ref},
    {"csr_duration", csr_duration},
    {"csr_condition", csr_condition},
    {"missing_priority_level", missing_priority_level},
    {"api_service", api_service},
    {"api_service_available", api_service_available},
};

}  // namespace

NamedCells policy_cells() { return kCells; }

}  // namespace gantry::kube::views
