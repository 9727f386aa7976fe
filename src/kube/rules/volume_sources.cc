// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/volume_sources.h"

#include <algorithm>
#include <initializer_list>

#include "base/lower_case.h"
#include "base/split.h"
#include "kube/rules/checks.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::size_t kInitiatorSize = 64;
constexpr std::size_t kTenantSize = 64;
constexpr std::size_t kDriverNameSize = 63;
constexpr std::int64_t kMostLun = 255;
constexpr std::int64_t kMostPartition = 255;
constexpr std::string_view kHostPathTypes[] = {
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"};
constexpr std::string_view kCachingModes[] = {"None", "ReadOnly", "ReadWrite"};
constexpr std::string_view kDiskKinds[] = {"Dedicated", "Managed", "Shared"};
constexpr std::string_view kManagedDisk[] = {
    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"};
constexpr std::string_view kBlobDisk[] = {
    "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"};
constexpr std::string_view kHostsAndPorts = "must be a host:port pair or multiple pairs separated by commas";

// Not those of <cctype>: they look at the locale.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter_or_digit(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

// "2001-04.": when the one who names things came to own his domain.
bool is_month(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd.";
  return text.size() == kForm.size() && std::ranges::equal(text, kForm, [](char c, char form) {
           return form == 'd' ? is_digit(c) : c == form;
         });
}

// RFC 3720, 3.2.6.3.1: "iqn.2001-04.com.example:disks.one".
bool is_iqn(std::string_view name) {
  constexpr std::size_t kMonth = 4, kDomain = 12;
  if (!name.starts_with("iqn.") || !is_month(name.substr(kMonth, kDomain - kMonth))) return false;
  const std::string_view rest = name.substr(kDomain);
  const std::size_t colon = rest.find(':');
  if (colon == 0 || colon == std::string_view::npos || colon + 1 == rest.size()) return false;
  const auto is_in_domain = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.'; };
  return std::ranges::all_of(rest.substr(0, colon), is_in_domain) &&
         rest.substr(colon + 1).find_first_of(",;*&$| \t\n\f\r") == std::string_view::npos;
}

// "eui.02004567A425678D", "naa.52004567BA64678D...": a number of so many digits.
bool is_numbered(std::string_view name, std::string_view kind, std::size_t digits) {
  const std::size_t first = kind.size() + 1;
  return name.starts_with(kind) && name.size() == first + digits &&
         std::ranges::all_of(name.substr(first), is_letter_or_digit);
}

void initiator(const Spot& name, std::string_view why_not_begun) {
  const std::string_view text = name.text();
  constexpr std::string_view kMalformed = "must be valid format";
  const bool is_begun = text.starts_with("iqn") || text.starts_with("eui") || text.starts_with("naa");
  if (!is_begun) return name.invalid(why_not_begun);
  if (!is_iqn(text) && !is_numbered(text, "eui", 16) && !is_numbered(text, "naa", 32))
    name.invalid(kMalformed);
}

void secret_reference(const Spot& reference, std::initializer_list<const char*> fields) {
  if (!reference.is_set()) return;
  for (const char* field : fields) required(reference[field]);
}

// `why_not_begun`: of a name that is of none of the three forms.
void iscsi(const Spot& source, std::string_view why_not_begun) {
  if (const Spot name = source["iqn"]; name.text().empty())
    name.required();
  else
    initiator(name, why_not_begun);
  if (const Spot lun = source["lun"]; lun.is_set()) within(lun, 0, kMostLun);
  const Spot secret = source["secretRef"];
  if ((source["chapAuthDiscovery"].flag() || source["chapAuthSession"].flag()) && !secret.is_set())
    secret.required();
}

void iscsi_initiator(const Spot& source, std::string_view why_not_begun) {
  if (const Spot name = source["initiatorName"]; name.is_set())
    initiator(source["initiatorname"].with_value_of(name), why_not_begun);
}

void storage_os(const Spot& source) {
  named(source["volumeName"], dns_label_faults);
  named_if_set(source["volumeNamespace"], dns_label_faults);
}

bool is_host_and_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view host = text.substr(0, colon);
  if (host.starts_with('[')) return host.find(']') == host.size() - 1;
  return host.find_first_of(":[]") == std::string_view::npos &&
         text.find_first_of("[]", colon) == std::string_view::npos;
}

void check(const Spot& source, const VolumeSource& rule) {
  for (const char* field : rule.required)
    if (field != nullptr) required(source[field]);
  if (rule.check != nullptr) rule.check(source);
}

}  // namespace

void one_source(const Spot& volume, std::span<const VolumeSource> known) {
  bool has_source = false;
  for (const VolumeSource& rule : known) {
    const Spot source = volume[rule.field];
    if (!source.is_set()) continue;
    if (has_source)
      volume[rule.surplus_at == nullptr ? rule.field : rule.surplus_at].forbidden(
          "may not specify more than 1 volume type");
    else
      check(rule.faults_at == nullptr ? source : volume[rule.faults_at].with_value_of(source), rule);
    has_source = true;
  }
  if (!has_source) volume.required("must specify a volume type");
}

bool is_too_long_for_initiator(std::string_view volume, const Spot& iscsi) {
  return iscsi["initiatorName"].is_set() &&
         volume.size() + 1 + iscsi["targetPortal"].text().size() > kInitiatorSize;
}

void azure_disk(const Spot& source) {
  const Spot kind = source["kind"];
  const Spot place = source["diskURI"];
  one_of_if_set(source["cachingMode"], kCachingModes);
  one_of_if_set(kind, kDiskKinds);
  if (!kind.is_set()) return;
  if (kind.text() == "Managed" && !place.text().starts_with("/subscriptions/"))
    place.not_supported(kManagedDisk);
  if (kind.text() != "Managed" && !place.text().starts_with("https://")) place.not_supported(kBlobDisk);
}

// None is 0, which the message does not say.
void disk_partition(const Spot& source) {
  const Spot partition = source["partition"];
  if (partition.number() < 0 || partition.number() > kMostPartition)
    partition.invalid(range_fault(1, kMostPartition));
}

void fibre_channel(const Spot& source) {
  const Spot names = source["targetWWNs"];
  const Spot lun = source["lun"];
  const bool has_ids = source["wwids"].size() > 0;
  if (names.size() == 0 && !has_ids) names.required("must specify either targetWWNs or wwids, but not both");
  if (names.size() > 0 && has_ids) names.invalid("targetWWNs and wwids can not be specified simultaneously");
  if (names.size() == 0) return;
  if (!lun.is_set())
    lun.required("lun is required if targetWWNs is specified");
  else
    within(lun, 0, kMostLun);
}

void flex_volume(const Spot& source) {
  source["options"].each_member([](std::string_view key, const Spot& option) {
    const std::string domain = "." + in_lower_case(key.substr(0, key.find('/')));
    if (domain.ends_with(".kubernetes.io") || domain.ends_with(".k8s.io"))
      option.invalid(Tree(key), "kubernetes.io and k8s.io namespaces are reserved");
  });
}

void flocker(const Spot& source) {
  const Spot name = source["datasetName"];
  const bool has_id = !source["datasetUUID"].text().empty();
  if (name.text().empty() && !has_id) source.required("one of datasetName and datasetUUID is required");
  if (!name.text().empty() && has_id)
    source.invalid(Tree("resource"), "datasetName and datasetUUID can not be specified simultaneously");
  if (name.text().find('/') != std::string_view::npos) name.invalid("must not contain '/'");
}

void host_path(const Spot& source) {
  const Spot path = source["path"];
  if (path.text().empty()) return path.required();
  path_without_backsteps(path);
  one_of_if_set(source["type"], kHostPathTypes);
}

void nfs_volume(const Spot& source) {
  if (!source["path"].text().starts_with('/')) source["path"].invalid("must be an absolute path");
}

void quobyte(const Spot& source) {
  const Spot registry = source["registry"];
  if (registry.text().empty())
    registry.required(kHostsAndPorts);
  else if (source["tenant"].text().size() > kTenantSize)
    source["tenant"].required("must be a UUID and may not exceed a length of 64 characters");
  else
    for (const std::string_view pair : split(registry.text(), ','))
      if (!is_host_and_port(pair)) registry.invalid(kHostsAndPorts);
  required(source["volume"]);
}

void iscsi_of_pod(const Spot& source) {
  constexpr std::string_view kNotBegun = "must be valid format starting with iqn, eui, or naa";
  iscsi(source, kNotBegun);
  iscsi_initiator(source, kNotBegun);
}

void iscsi_of_persistent(const Spot& source) {
  constexpr std::string_view kNotBegun = "must be valid format";
  iscsi(source, kNotBegun);
  secret_reference(source["secretRef"], {"name"});
  iscsi_initiator(source, kNotBegun);
}

void storage_os_of_pod(const Spot& source) {
  storage_os(source);
  secret_of_pod(source);
}

void storage_os_of_persistent(const Spot& source) {
  storage_os(source);
  secret_of_persistent(source);
}

void secret_of_pod(const Spot& source) { secret_reference(source["secretRef"], {"name"}); }
void secret_of_persistent(const Spot& source) {
  secret_reference(source["secretRef"], {"name", "namespace"});
}

void csi_driver_name(const Spot& name) {
  if (name.text().empty()) return name.required();
  if (name.text().size() > kDriverNameSize) name.too_long(kDriverNameSize);
  name.invalid_for(dns_subdomain_faults(in_lower_case(name.text())));
}

}  // namespace gantry::kube::rules
