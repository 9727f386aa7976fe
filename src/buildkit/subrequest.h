// SPDX-License-Identifier: Apache-2.0
//
// What a client may ask the front end "dockerfile.v0" besides a build, by the attribute "requestid": which
// targets a Dockerfile has, what a target takes, what is better written otherwise (docker build --call,
// --check).
//
// The answers are documents under the names that clients look for: "result.json", "result.txt" for people,
// and "result.statuscode". Their forms are those of github.com/moby/buildkit/frontend/subrequests.
#pragma once

#include <string>

#include "base/error.h"
#include "build/builder.h"
#include "buildkit/build_job.h"

namespace gantry::buildkit {

// Unsupported for other ids, with the sentence by which clients know that. `images` tells the linter what
// base images define; may be null.
Result<StringMap> answer_subrequest(const std::string& id, const build::BuildRequest& request,
                                    const image::ImageStore* images);

}  // namespace gantry::buildkit
