// SPDX-License-Identifier: Apache-2.0
//
// A package of a distribution, as its database says of one that is installed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::image {

struct Package {
  std::string name;
  std::string version;
  std::string architecture;
  std::string source;          // the package it was built from; empty: the same
  std::string source_version;  // empty: the same
  std::string maintainer;
};

// /var/lib/dpkg/status (deb822(5)): those that are installed, by name and architecture.
Result<std::vector<Package>> parse_dpkg_status(std::string_view text);

// Lines of fields with tabs between them, in the order of Package's members, as rpm(8) is asked for them.
inline constexpr std::string_view kRpmQueryFormat = "%{NAME}\t%{EVR}\t%{ARCH}\t%{SOURCERPM}\t\t%{VENDOR}\n";
Result<std::vector<Package>> parse_rpm_query(std::string_view text);

}  // namespace gantry::image
