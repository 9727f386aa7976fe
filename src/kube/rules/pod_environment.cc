// SPDX-License-Identifier: Apache-2.0
//
// Variables of containers, and where their values come from.
#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/downward_fields.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kFields[] = {
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs",     "status.podIP", "status.podIPs"};

void field(const Spot& reference) { field_reference(reference, kFields); }
void resource(const Spot& reference) { resource_reference(reference, false); }

// Of a ConfigMap or Secret.
void key(const Spot& reference) {
  reference["name"].invalid_for(dns_subdomain_faults(reference["name"].text()));
  named(reference["key"], config_key_faults);
}

void file(const Spot& reference) {
  named(reference["key"], environment_name_faults);
  named(reference["volumeName"], dns_label_faults);
  required(reference["path"]);
  path_without_backsteps(reference["path"]);
}

struct Source {
  const char* field;
  void (*check)(const Spot& reference);
};
constexpr Source kSources[] = {{"fieldRef", field},
                               {"resourceFieldRef", resource},
                               {"configMapKeyRef", key},
                               {"secretKeyRef", key},
                               {"fileKeyRef", file}};

void variable_source(const Spot& variable) {
  const Spot from = variable["valueFrom"];
  if (!from.is_set()) return;
  std::size_t sources = 0;
  for (const Source& source : kSources)
    if (const Spot reference = from[source.field]; reference.is_set()) {
      ++sources;
      source.check(reference);
    }
  if (sources == 0)
    from.invalid(Tree(""),
                 "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or "
                 "`fileKeyRef`");
  else if (!variable["value"].text().empty())
    from.invalid(Tree(""), "may not be specified when `value` is not empty");
  else if (sources > 1)
    from.invalid(Tree(""), "may not have more than one field specified at a time");
}

// All variables of a ConfigMap or Secret. Kubernetes tells of the whole list where one has not one origin.
void variables(const Spot& list, const Spot& source) {
  named_if_set(source["prefix"], environment_name_faults);
  std::size_t sources = 0;
  for (const char* kind : {"configMapRef", "secretRef"}) {
    const Spot reference = source[kind];
    if (!reference.is_set()) continue;
    ++sources;
    if (const Spot name = reference["name"]; name.text().empty())
      name.required();
    else
      name.invalid_for(dns_subdomain_faults(name_from_prefix(name.text())));
  }
  if (sources == 0) list.invalid(Tree(""), "must specify one of: `configMapRef` or `secretRef`");
  if (sources > 1) list.invalid(Tree(""), "may not have more than one field specified at a time");
}

}  // namespace

void environment(const Spot& container) {
  container["env"].each([](const Spot& variable) {
    named(variable["name"], environment_name_faults);
    variable_source(variable);
  });
  const Spot from = container["envFrom"];
  from.each([&](const Spot& source) { variables(from, source); });
}

void environment_files(const Spot& spec) {
  Volumes named;
  for (const Tree& volume : spec["volumes"].value().array()) named[volume.text_at("name")] = &volume;
  each_container(spec, [&](const Spot& container) {
    container["env"].each([&](const Spot& variable) {
      const Spot reference = variable["valueFrom"]["fileKeyRef"];
      if (!reference.is_set()) return;
      const Spot name = reference["volumeName"];
      const auto volume = named.find(name.text());
      if (volume == named.end())
        name.not_found();
      else if (volume->second->find("emptyDir") == nullptr)
        name.invalid("referenced volume must be of type emptyDir");
    });
  });
}

}  // namespace gantry::kube::rules
