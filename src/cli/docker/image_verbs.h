// SPDX-License-Identifier: Apache-2.0
//
// The verbs of images: of the daemon where one was named, else of the store.
#pragma once

#include <span>

#include "cli/command.h"

namespace gantry::cli::docker {

// image_choice.cc: either of the two
extern const Verb kImages, kImageHistory, kImageImport, kImageInspect, kImageLoad, kImagePrune, kImagePull,
    kImagePush, kImageRemove, kImageSave, kImageTag;
// `gantry image`, with what the store alone can do.
std::span<const Verb> image_verbs();

// The daemon's half.
// image_list.cc
extern const Verb kRemoteImages, kRemoteHistory, kRemoteRemove, kRemoteTag, kRemotePrune;
// inspect.cc
extern const Verb kRemoteInspectImage;
// image_transfer.cc
extern const Verb kRemotePull, kRemotePush, kRemoteSave, kRemoteLoad, kRemoteImport, kSearch;

}  // namespace gantry::cli::docker
