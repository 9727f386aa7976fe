// SPDX-License-Identifier: Apache-2.0
#include "buildkit/export.h"

#include <fcntl.h>

#include <algorithm>

#include "base/file.h"
#include "base/split.h"
#include "image/archive_io.h"

namespace gantry::buildkit {
namespace {

std::string_view attribute(const ExporterRequest& exporter, const std::string& key) {
  const auto found = exporter.attrs.find(key);
  return found == exporter.attrs.end() ? std::string_view() : found->second;
}

void add_names(std::string_view list, std::vector<std::string>& names) {
  for (const std::string_view name : split_words(list, ',')) names.emplace_back(name);
}

}  // namespace

Result<Export> Export::prepare(const std::vector<ExporterRequest>& exporters,
                               std::shared_ptr<Session> session, std::string scratch) {
  Export result;
  result.session_ = std::move(session);
  result.scratch_ = std::move(scratch);
  for (const ExporterRequest& exporter : exporters) {
    const std::string& type = exporter.type;
    const bool sends = type == "docker" || type == "oci" || type == "tar" || type == "local";
    if (sends && !result.session_)
      return error(Code::InvalidArgument, "the exporter '{}' needs a session with the client", type);
    if (type == "moby" || type == "image") {
      if (attribute(exporter, "push") == "true")
        return error(Code::Unsupported, "a build does not push; push the image when it is there");
      result.keeps_image_ = true;
      add_names(attribute(exporter, "name"), result.names_);
    } else if (type == "docker" || type == "oci") {
      result.keeps_image_ = true;
      add_names(attribute(exporter, "name"), result.names_);
      result.archives_.push_back(exporter);
    } else if (type == "tar") {
      if (result.tar_) return error(Code::Unsupported, "one exporter of the type 'tar' at a time");
      result.tar_ = std::make_unique<FileSink>(TRY(FileSink::open(*result.session_, "")));
    } else if (type == "local") {
      result.is_local_ = true;
    } else {
      return error(Code::Unsupported, "there is no exporter '{}'", type);
    }
  }
  return result;
}

Export::~Export() {
  if (is_local_) (void)remove_tree_at(AT_FDCWD, scratch_);  // else whoever tidies up below finds it
}

void Export::add_to(build::BuildRequest& request) {
  request.keeps_image = keeps_image_;
  request.names = names_;
  if (tar_) request.tar = build::ExportTar{tar_.get()};
  if (is_local_) request.directory = build::ExportDirectory{scratch_};
}

Result<StringMap> Export::finish(const build::BuildResult& result, image::ImageStore& store) {
  for (const ExporterRequest& exporter : archives_) {
    FileSink sink = TRY(FileSink::open(*session_, ""));
    const auto form = exporter.type == "oci" ? image::ArchiveForm::Oci : image::ArchiveForm::Docker;
    const std::vector<std::string> what = names_.empty() ? std::vector{result.image.str()} : names_;
    TRY(image::save(store, what, sink, {.form = form}));
    TRY(sink.finish());
  }
  if (tar_) TRY(tar_->finish());
  if (is_local_) {
    const UniqueFd directory = TRY(open_at(AT_FDCWD, scratch_, O_RDONLY | O_DIRECTORY));
    TRY(send_files(*session_, directory.get(), ""));
  }
  if (!keeps_image_) return StringMap();
  // The image's id in both, as dockerd answers; compose looks the image up by the second.
  StringMap response = {{"containerimage.config.digest", result.image.str()},
                        {"containerimage.digest", result.image.str()}};
  std::string names;
  for (const std::string& name : names_) names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) response.emplace("image.name", names);
  return response;
}

}  // namespace gantry::buildkit
