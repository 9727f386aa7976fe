// SPDX-License-Identifier: Apache-2.0
//
// Fills a directory with packages and what they depend on: Debian's and Ubuntu's by mmdebstrap(1), RPM
// distributions' by dnf(8). Both are programs of the host and run as root, as the packages' own scripts do:
// the archive is trusted as much as for this host's own packages.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/compose/description.h"
#include "image/compose/package.h"

namespace gantry::image {

// When the archive was last changed, in seconds since 1970 ("Date" of its InRelease file). InvalidArgument
// where the description says no mirror to ask: then it has to say source_date_epoch.
Result<std::int64_t> archive_date(const Description& description);

// `output`: a descriptor for what the programs say. NotFound when the program is not installed.
Result<void> install_packages(const Description& description, const std::string& directory,
                              std::int64_t epoch, int output);

// What is installed there.
Result<std::vector<Package>> installed_packages(const Description& description, const std::string& directory);

}  // namespace gantry::image
