// SPDX-License-Identifier: Apache-2.0
//
// The groups of the gantry command. Each is one file or a few with its verbs.
#pragma once

#include <span>

#include "cli/command.h"

namespace gantry::cli {

std::span<const Verb> image_verbs();     // image.cc: one row a verb; the verbs are in image_*.cc
std::span<const Verb> snapshot_verbs();  // snapshot.cc
std::span<const Verb> registry_verbs();  // registry.cc: one row a verb; the verbs are in registry_*.cc
std::span<const Verb> host_verbs();      // host.cc
std::span<const Verb> builder_verbs();   // build_cache.cc; `build` is in build.cc
std::span<const Verb> cluster_verbs();   // cluster.cc
std::span<const Verb> rootless_verbs();  // rootless.cc

}  // namespace gantry::cli
