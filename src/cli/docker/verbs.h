// SPDX-License-Identifier: Apache-2.0
//
// The verbs that are clients of the daemon, and their groups.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace gantry::cli::docker {

// run.cc
extern const Verb kRun, kCreate, kPodRun, kPodAdd;
// attach.cc
extern const Verb kStart, kAttach;
// exec.cc
extern const Verb kExec;
// logs.cc
extern const Verb kLogs;
// lifecycle.cc
extern const Verb kStop, kKill, kRestart, kPause, kUnpause, kRename, kWait, kRemoveContainer,
    kPruneContainers;
// update.cc
extern const Verb kUpdate;
// ps.cc
extern const Verb kPs;
// show.cc: what one container is
extern const Verb kTop, kPort, kDiff;
// inspect.cc
extern const Verb kInspectAny, kInspectContainer, kInspectNetwork, kInspectPod, kInspectVolume;
// network_trace.cc
extern const Verb kTraceNetwork;
// stats.cc
extern const Verb kStats;
// copy.cc
extern const Verb kCopy, kExport;
// commit.cc
extern const Verb kCommit;
// events.cc
extern const Verb kEvents;
// check.cc
extern const Verb kSystemCheck;
// disk_usage.cc
extern const Verb kDiskUsage;
// info.cc, version.cc
extern const Verb kInfo, kVersion;

// The rows of the groups: groups.cc, network.cc, pod.cc, volume.cc, system.cc
std::span<const Verb> container_verbs();
std::span<const Verb> network_verbs();
std::span<const Verb> pod_verbs();
std::span<const Verb> volume_verbs();
std::span<const Verb> system_verbs();

// What docker's users call without a group.
std::span<const Shortcut> shortcuts();

// Names of containers, networks, volumes and images of the daemon, for completion; none if it does not
// answer.
std::vector<std::string> candidates(const Context& context, std::string_view kind);

}  // namespace gantry::cli::docker
