// SPDX-License-Identifier: Apache-2.0
#include "cli/image.h"

#include <array>

#include "cli/groups.h"

namespace gantry::cli {

std::span<const Verb> image_verbs() {
  static const std::array kVerbs = {kCheck,   kCompose,
                                    kConvert, kDiskUsage,
                                    kHistory, kImport,
                                    kInspect, with_alias(kList, "ls"),
                                    kLoad,    kMount,
                                    kPrune,   kPull,
                                    kPush,    with_alias(kRemove, "rm"),
                                    kSave,    kTag,
                                    kUnmount};
  return kVerbs;
}

Result<std::optional<oci::Platform>> parse_platform(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return TRY_DURING(oci::Platform::parse(text), "option '--platform'");
}

}  // namespace gantry::cli
