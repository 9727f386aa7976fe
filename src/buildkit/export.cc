// SPDX-License-Identifier: Apache-2.0
#include "buildkit/export.h"

#include <fcntl.h>

#include <algorithm>

#include "base/file.h"
#include "base/split.h"
#include "oci/image/reference.h"

namespace gantry::buildkit {
namespace {

std::string_view attribute(const ExporterRequest& exporter, const std::string& key) {
  const auto found = exporter.attrs.find(key);
  return found == exporter.attrs.end() ? std::string_view() : found->second;
}

// In full, each once.
Result<void> add_names(std::string_view list, std::vector<std::string>& names) {
  for (const std::string_view word : split_words(list, ',')) {
    const std::string name = TRY(oci::Reference::parse(word)).str();
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return {};
}

}  // namespace

Result<Export> Export::prepare(const std::vector<ExporterRequest>& exporters,
                               std::shared_ptr<Session> session, std::string scratch) {
  Export result;
  result.session_ = std::move(session);
  result.scratch_ = std::move(scratch);
  for (std::size_t i = 0; i < exporters.size(); ++i) TRY(result.add(exporters[i], std::to_string(i)));
  return result;
}

Result<void> Export::add(const ExporterRequest& exporter, const std::string& id) {
  const std::string& type = exporter.type;
  const bool sends = type == "docker" || type == "oci" || type == "tar" || type == "local";
  if (sends && !session_)
    return error(Code::InvalidArgument, "the exporter '{}' needs a session with the client", type);
  if (type == "moby" || type == "image") {
    // Clients of a docker daemon push by its API; this is for those of a BuildKit alone.
    if (type == "image" && attribute(exporter, "push") == "true")
      return error(Code::Unsupported, "a build does not push; push the image when it is there");
    keeps_image_ = true;
    TRY(add_names(attribute(exporter, "name"), names_));
  } else if (type == "docker" || type == "oci") {
    if (attribute(exporter, "tar") == "false")
      return error(Code::Unsupported, "the exporter '{}' makes a tar, not a directory", type);
    TRY(add_names(attribute(exporter, "name"), names_));
    archives_.emplace_back(type == "oci" ? image::ArchiveForm::Oci : image::ArchiveForm::Docker,
                           std::make_unique<FileSink>(TRY(FileSink::open(*session_, id))));
  } else if (type == "tar") {
    if (tar_) return error(Code::Unsupported, "one exporter of the type 'tar' at a time");
    tar_ = std::make_unique<FileSink>(TRY(FileSink::open(*session_, id)));
  } else if (type == "local") {
    if (!local_id_.empty()) return error(Code::Unsupported, "one exporter of the type 'local' at a time");
    local_id_ = id;
  } else {
    return error(Code::Unsupported, "there is no exporter '{}'", type);
  }
  return {};
}

Export::~Export() {
  if (!local_id_.empty()) (void)remove_tree_at(AT_FDCWD, scratch_);  // else whoever tidies up finds it
}

void Export::add_to(build::BuildRequest& request) {
  request.keeps_image = keeps_image_;
  request.names = names_;
  for (const Archive& archive : archives_) request.archives.push_back({archive.form, archive.sink.get()});
  if (tar_) request.tar = build::ExportTar{tar_.get()};
  if (!local_id_.empty()) request.directory = build::ExportDirectory{scratch_};
}

Result<StringMap> Export::finish(const build::BuildResult& result) {
  for (const Archive& archive : archives_) TRY(archive.sink->finish());
  if (tar_) TRY(tar_->finish());
  if (!local_id_.empty()) {
    const UniqueFd directory = TRY(open_at(AT_FDCWD, scratch_, O_RDONLY | O_DIRECTORY));
    TRY(send_files(*session_, directory.get(), local_id_));
  }
  if (result.image.is_empty()) return StringMap();
  // Of an image that the daemon keeps the id in both, as dockerd answers: compose looks it up by the second.
  StringMap response = {{"containerimage.config.digest", result.image.str()},
                        {"containerimage.digest", keeps_image_ ? result.image.str() : result.manifest.str()}};
  std::string names;
  for (const std::string& name : names_) names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) response.emplace("image.name", names);
  return response;
}

}  // namespace gantry::buildkit
