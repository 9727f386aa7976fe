// SPDX-License-Identifier: Apache-2.0
//
// The verbs of `gantry image`, and what they have in common.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"
#include "cli/store.h"
#include "oci/image/platform.h"

namespace gantry::cli {

// image_transfer.cc
extern const Verb kPull, kPush;
// image_show.cc
extern const Verb kList, kInspect, kHistory;
// image_change.cc
extern const Verb kTag, kRemove, kPrune, kConvert;
// image_archive.cc
extern const Verb kSave, kLoad, kImport;
// image_compose.cc
extern const Verb kCompose;
// image_mount.cc
extern const Verb kMount, kUnmount;
// image_upkeep.cc
extern const Verb kDiskUsage, kCheck;

// Of an option; empty: none.
Result<std::optional<oci::Platform>> parse_platform(const std::string& text);

}  // namespace gantry::cli
