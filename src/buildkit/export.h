// SPDX-License-Identifier: Apache-2.0
//
// Where a build's result goes, as the client's exporters say: "moby" and "image" name an image of the store;
// "docker" and "oci" send one as a tar, "tar" the files of its root, "local" the same into a directory of the
// client's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/builder.h"
#include "buildkit/build_job.h"
#include "buildkit/file_sender.h"
#include "buildkit/session.h"
#include "image/archive_io.h"

namespace gantry::buildkit {

class Export {
 public:
  // `scratch` is the path of a directory for this build, made when it is needed and removed at the end.
  static Result<Export> prepare(const std::vector<ExporterRequest>& exporters,
                                std::shared_ptr<Session> session, std::string scratch);
  Export(Export&&) = default;
  Export& operator=(Export&&) = delete;
  ~Export();

  // What the builder has to do for it. This outlives the build.
  void add_to(build::BuildRequest& request);
  // The rest, and what the client is told.
  Result<StringMap> finish(const build::BuildResult& result);

 private:
  struct Archive {
    image::ArchiveForm form;
    std::unique_ptr<FileSink> sink;
  };

  Export() = default;
  // `id`: the exporter's place among all, by which the client knows what is sent to it.
  Result<void> add(const ExporterRequest& exporter, const std::string& id);

  std::shared_ptr<Session> session_;
  std::string scratch_;
  bool keeps_image_ = false;
  std::vector<std::string> names_;
  std::vector<Archive> archives_;  // "docker" and "oci"
  std::unique_ptr<FileSink> tar_;
  std::string local_id_;  // empty: no exporter "local"
};

}  // namespace gantry::buildkit
