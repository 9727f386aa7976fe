// SPDX-License-Identifier: Apache-2.0
//
// `gantry container`, and what may be called without a group.
#include <array>

#include "cli/build.h"
#include "cli/cluster.h"
#include "cli/docker/image_verbs.h"
#include "cli/docker/usage.h"
#include "cli/docker/verbs.h"
#include "cli/host.h"
#include "cli/image.h"
#include "cli/registry.h"

namespace gantry::cli::docker {

std::span<const Verb> container_verbs() {
  static const std::array kVerbs = {kAttach,
                                    kCommit,
                                    kCopy,
                                    kCreate,
                                    kDiff,
                                    kExec,
                                    kExport,
                                    kInspectContainer,
                                    kKill,
                                    kLogs,
                                    kPs,
                                    kPause,
                                    kPort,
                                    kPruneContainers,
                                    kRemoveContainer,
                                    kRename,
                                    kRestart,
                                    kRun,
                                    kStart,
                                    kStats,
                                    kStop,
                                    kTop,
                                    kUnpause,
                                    kUpdate,
                                    kWait};
  return kVerbs;
}

std::span<const Shortcut> shortcuts() {
  static constexpr std::array kShortcuts = {
      Shortcut{"attach", &kAttach},
      Shortcut{"build", &cli::kBuild},
      Shortcut{"commit", &kCommit},
      Shortcut{"cp", &kCopy},
      Shortcut{"create", &kCreate},
      Shortcut{"diff", &kDiff},
      Shortcut{"doctor", &cli::kDoctor},
      Shortcut{"events", &kEvents},
      Shortcut{"exec", &kExec},
      Shortcut{"export", &kExport},
      Shortcut{"history", &kImageHistory},
      Shortcut{"images", &kImages},
      Shortcut{"import", &kImageImport},
      Shortcut{"info", &kInfo},
      Shortcut{"inspect", &kInspectAny},
      Shortcut{"kill", &kKill},
      Shortcut{"load", &kImageLoad},
      Shortcut{"login", &cli::kLogin},
      Shortcut{"logout", &cli::kLogout},
      Shortcut{"logs", &kLogs},
      Shortcut{"pause", &kPause},
      Shortcut{"port", &kPort},
      Shortcut{"ps", &kPs},
      Shortcut{"pull", &kImagePull},
      Shortcut{"push", &kImagePush},
      Shortcut{"rename", &kRename},
      Shortcut{"restart", &kRestart},
      Shortcut{"rm", &kRemoveContainer},
      Shortcut{"rmi", &kImageRemove},
      Shortcut{"run", &kRun},
      Shortcut{"save", &kImageSave},
      Shortcut{"search", &kSearch},
      Shortcut{"server", &cli::kServer},
      Shortcut{"start", &kStart},
      Shortcut{"stats", &kStats},
      Shortcut{"stop", &kStop},
      Shortcut{"tag", &kImageTag},
      Shortcut{"top", &kTop},
      Shortcut{"unpause", &kUnpause},
      Shortcut{"update", &kUpdate},
      Shortcut{"usage", &kUsageReport},
      Shortcut{"version", &kVersion},
      Shortcut{"wait", &kWait},
  };
  return kShortcuts;
}

}  // namespace gantry::cli::docker
