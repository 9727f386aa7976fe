// SPDX-License-Identifier: Apache-2.0
//
// Volumes of pods: each has a name and exactly one source.
#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

constexpr std::string_view kHostPathTypes[] = {
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"};
constexpr std::string_view kPodFields[] = {"metadata.annotations", "metadata.labels", "metadata.name",
                                           "metadata.namespace", "metadata.uid"};

void mode(const Spot& mode) {
  if (mode.is_set() && (mode.number() < 0 || mode.number() > 0777))
    mode.invalid("must be a number between 0 and 0777 (octal), both inclusive");
}

void items(const Spot& items) {
  items.each([](const Spot& item) {
    required(item["key"]);
    required(item["path"]);
    relative_path(item["path"]);
    mode(item["mode"]);
  });
}

void no_climbing(const Spot& path) {
  if (path.text().empty()) return path.required();
  const std::string text = fmt::format("/{}/", path.text());
  if (text.find("/../") != std::string::npos) path.invalid("must not contain '..'");
}

void host_path(const Spot& source) {
  no_climbing(source["path"]);
  one_of_if_set(source["type"], kHostPathTypes);
}

void secret(const Spot& source) {
  required(source["secretName"]);
  mode(source["defaultMode"]);
  items(source["items"]);
}

void config_map(const Spot& source) {
  required(source["name"]);
  mode(source["defaultMode"]);
  items(source["items"]);
}

void claim(const Spot& source) { required(source["claimName"]); }

void empty_dir(const Spot& source) {
  if (source["sizeLimit"].is_set()) quantity_non_negative(source["sizeLimit"]);
}

void csi(const Spot& source) { required(source["driver"]); }
void image(const Spot& source) { required(source["reference"]); }

void ephemeral(const Spot& source) {
  const Spot claim = source["volumeClaimTemplate"];
  if (!claim.is_set()) return claim.required();
  if (!claim["spec"].is_set()) claim["spec"].required();
}

void downward_items(const Spot& items) {
  items.each([](const Spot& item) {
    required(item["path"]);
    relative_path(item["path"]);
    mode(item["mode"]);
    const Spot field = item["fieldRef"];
    const Spot resource = item["resourceFieldRef"];
    if (field.is_set() && resource.is_set())
      item.invalid("fieldRef and resourceFieldRef can not be specified simultaneously");
    if (!field.is_set() && !resource.is_set())
      item["fieldRef"].required("one of fieldRef and resourceFieldRef is required");
    const std::string_view path = field["fieldPath"].text();
    if (field.is_set() && path.find('[') == std::string_view::npos) one_of(field["fieldPath"], kPodFields);
    if (resource.is_set()) {
      required(resource["containerName"]);
      required(resource["resource"]);
    }
  });
}

void downward(const Spot& source) {
  mode(source["defaultMode"]);
  downward_items(source["items"]);
}

void projected(const Spot& source) {
  mode(source["defaultMode"]);
  source["sources"].each([](const Spot& one) {
    if (one.size() > 1) one.forbidden("may not specify more than 1 volume type per source");
    if (one.size() == 0) one.required("must specify a volume type");
    for (const char* kind : {"secret", "configMap"})
      if (one[kind].is_set()) {
        required(one[kind]["name"]);
        items(one[kind]["items"]);
      }
    if (one["downwardAPI"].is_set()) downward_items(one["downwardAPI"]["items"]);
    if (const Spot token = one["serviceAccountToken"]; token.is_set()) {
      required(token["path"]);
      relative_path(token["path"]);
      if (token["expirationSeconds"].is_set() && token["expirationSeconds"].number() < 600)
        token["expirationSeconds"].invalid("may not specify a duration less than 10 minutes");
    }
  });
}

struct Source {
  std::string_view field;
  void (*check)(const Spot&);
};
constexpr Source kSources[] = {
    {"configMap", config_map},
    {"csi", csi},
    {"downwardAPI", downward},
    {"emptyDir", empty_dir},
    {"ephemeral", ephemeral},
    {"hostPath", host_path},
    {"image", image},
    {"nfs", nfs_volume},
    {"persistentVolumeClaim", claim},
    {"projected", projected},
    {"secret", secret},
};

void volume_source(const Spot& volume) {
  std::size_t sources = 0;
  volume.each_member([&](std::string_view field, const Spot&) {
    if (field == "name") return;
    const Spot source = volume[field];
    if (++sources > 1) return source.forbidden("may not specify more than 1 volume type");
    for (const Source& known : kSources)
      if (known.field == field) known.check(source);
  });
  if (sources == 0) volume.required("must specify a volume type");
}

}  // namespace

void nfs_volume(const Spot& source) {
  required(source["server"]);
  required(source["path"]);
  if (source["path"].has_something() && !source["path"].text().starts_with('/'))
    source["path"].invalid("must be an absolute path");
}

void unique_name(const Spot& name, Names& names) {
  named(name, dns_label_faults);
  if (!name.text().empty() && !names.insert(name.text()).second) name.duplicate();
}

Names volumes(const Spot& volumes) {
  Names names;
  volumes.each([&](const Spot& volume) {
    unique_name(volume["name"], names);
    volume_source(volume);
  });
  return names;
}

}  // namespace gantry::kube::rules
