// SPDX-License-Identifier: Apache-2.0
//
// What an image runs on, and which one of several to take.
//
//   Platform wanted = TRY(Platform::parse("linux/arm/v7"));   // or host_platform()
//   if (auto rank = match(wanted, candidate)) ...             // smaller is better
//
// Words are Go's GOOS and GOARCH. A wanted platform also runs what is older: arm/v7 takes v6 and v5, arm64
// takes arm, amd64/v3 takes v2 and v1, and amd64 takes 386 when there is nothing else. This is the order in
// which containerd, and so docker, choose.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::json {
class Fields;
}

namespace gantry::oci {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;                   // "v7"; empty is the architecture's usual one
  std::string os_version;                // Windows: "10.0.17763.1339"
  std::vector<std::string> os_features;  // what the image asks of the system: "win32k"

  // "linux/arm64/v8", "linux/amd64", "windows(10.0.17763)/amd64", "arm64" (of this host's system) or
  // "linux" (of this host's architecture). Normalized: aarch64 is arm64, x86_64 is amd64, armhf is arm/v7.
  static Result<Platform> parse(std::string_view text);

  // "linux/arm/v7"; os_version in parentheses when `os_version` is not empty.
  std::string str() const;

  friend bool operator==(const Platform&, const Platform&) = default;
};

// The same platform in the words that comparing uses: aliases replaced, variants that are implied ("v8" of
// arm64, "v1" of amd64) left out, and the one that is meant ("v7" of a bare arm) filled in.
Platform normalized(Platform platform);

// This machine, with the variant of its processor.
const Platform& host_platform();

// How well an image made for `candidate` serves who wants `wanted`: 0 is exactly what was asked for, more
// is older. Empty if it does not run there.
std::optional<unsigned> match(const Platform& wanted, const Platform& candidate);

void fields(json::Fields& f, Platform& platform);

}  // namespace gantry::oci
