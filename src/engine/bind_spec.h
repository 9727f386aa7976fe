// SPDX-License-Identifier: Apache-2.0
//
// The short form of a mount, as in HostConfig.Binds: "source:target[:mode]", where the source is an absolute
// path of the host or the name of a volume, and the mode is words between commas.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::engine {

// The words that may stand in a mode, each kind at most once.
struct BindMode {
  bool read_only = false;
  bool no_copy = false;     // nocopy: of a volume
  std::string propagation;  // "rshared", ...; of a bind
};
// `mode` may be empty. Also: z and Z (labels of SELinux), consistent, cached, delegated (no meaning on
// Linux).
Result<BindMode> parse_bind_mode(std::string_view mode);

struct BindSpec {
  std::string source;  // empty: an anonymous volume
  std::string target;  // absolute and clean
  std::string mode;    // as it was written
  BindMode words;

  bool is_volume() const { return !source.starts_with('/'); }
};
// InvalidArgument in Docker's words: "invalid volume specification: 'x'".
Result<BindSpec> parse_bind(std::string_view text);

// "container[:mode]" of HostConfig.VolumesFrom.
struct VolumesFrom {
  std::string container;
  bool read_only = false;
};
Result<VolumesFrom> parse_volumes_from(std::string_view text);

}  // namespace gantry::engine
