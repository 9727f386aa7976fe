// SPDX-License-Identifier: Apache-2.0
//
// Files that ADD takes from the web.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "build/cancel.h"
#include "build/file_entry.h"
#include "build/session.h"
#include "oci/image/digest.h"

namespace gantry::build {

bool is_web_url(std::string_view text);  // http:// or https://

// Fetches the file into a directory of the session: an entry that is named as the URL ends, of mode 0600 and
// with the server's time. Redirects are followed. InvalidArgument if it is not what `expected` says.
Result<FileEntry> download(const std::string& url, const std::optional<oci::Digest>& expected,
                           const Session& session, Cancel& cancel);

}  // namespace gantry::build
