// SPDX-License-Identifier: Apache-2.0
//
// The verbs of images that are there twice: over the store, which needs no daemon, and over a daemon's API.
// Where somebody has named a daemon (-H, GANTRY_HOST, DOCKER_HOST), its images are meant.
#include <vector>

#include "cli/daemon_address.h"
#include "cli/docker/image_verbs.h"
#include "cli/groups.h"
#include "cli/image.h"

namespace gantry::cli::docker {
namespace {

// Called by the name that the user has typed, whichever of the two it is.
template <const Verb& local, const Verb& remote>
Verb either() {
  Verb verb = local;
  verb.run = [](Context& context, const Verb& named, std::string_view group,
                std::span<const std::string> arguments) {
    Verb chosen = means_daemon(context) ? remote : local;
    chosen.name = named.name;
    return chosen.run(context, chosen, group, arguments);
  };
  return verb;
}

}  // namespace

const Verb kImages = either<cli::kList, kRemoteImages>();
const Verb kImageHistory = either<cli::kHistory, kRemoteHistory>();
const Verb kImageImport = either<cli::kImport, kRemoteImport>();
const Verb kImageInspect = either<cli::kInspect, kRemoteInspectImage>();
const Verb kImageLoad = either<cli::kLoad, kRemoteLoad>();
const Verb kImagePrune = either<cli::kPrune, kRemotePrune>();
const Verb kImagePull = either<cli::kPull, kRemotePull>();
const Verb kImagePush = either<cli::kPush, kRemotePush>();
const Verb kImageRemove = either<cli::kRemove, kRemoteRemove>();
const Verb kImageSave = either<cli::kSave, kRemoteSave>();
const Verb kImageTag = either<cli::kTag, kRemoteTag>();

// Those of the store, with the others in the places of theirs.
std::span<const Verb> image_verbs() {
  static const std::vector<Verb> kVerbs = [] {
    std::vector<Verb> verbs(cli::image_verbs().begin(), cli::image_verbs().end());
    for (const Verb* both : {&kImages, &kImageHistory, &kImageImport, &kImageInspect, &kImageLoad,
                             &kImagePrune, &kImagePull, &kImagePush, &kImageRemove, &kImageSave, &kImageTag})
      for (Verb& verb : verbs)
        if (verb.name == both->name) verb.run = both->run;
    return verbs;
  }();
  return kVerbs;
}

}  // namespace gantry::cli::docker
