// SPDX-License-Identifier: Apache-2.0
//
// What names, labels and keys may look like. Each check gives what is wrong, in the words that Kubernetes has
// for it (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/); nothing: all is well,
// and nothing was allocated.
//
//   for (const std::string& wrong : dns_label_faults(name)) ...
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::kube {

using Faults = std::vector<std::string>;

inline constexpr std::size_t kLabelSize = 63;       // of DNS labels, label values, names of label keys
inline constexpr std::size_t kSubdomainSize = 253;  // of DNS subdomains
inline constexpr std::size_t kAnnotationsSize = 256 << 10;  // keys and values of all of them

Faults dns_label_faults(std::string_view text);       // RFC 1123: "my-name"
Faults dns_1035_label_faults(std::string_view text);  // the same, but begins with a letter
Faults dns_subdomain_faults(std::string_view text);   // "example.com"
Faults dns_wildcard_faults(std::string_view text);    // "*.example.com"
Faults path_segment_faults(std::string_view text);    // what can stand in a path: no "/", no "%", not ".."
Faults label_key_faults(std::string_view text);       // "example.com/name"; finalizers and conditions, too
Faults label_value_faults(std::string_view text);
Faults config_key_faults(std::string_view text);  // of ConfigMaps and Secrets
Faults port_name_faults(std::string_view text);   // RFC 6335
Faults environment_name_faults(std::string_view text);
Faults header_name_faults(std::string_view text);  // of HTTP
Faults ip_faults(std::string_view text);           // an IPv4 or IPv6 address
Faults percent_faults(std::string_view text);      // "30%"

// "must be between 1 and 65535, inclusive".
std::string range_fault(long long low, long long high);

// `prefix`, which ends in "-" as people write generateName, as it would be with something behind it: what is
// checked by the rules for names.
std::string name_from_prefix(std::string_view prefix);

}  // namespace gantry::kube
