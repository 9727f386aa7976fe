// SPDX-License-Identifier: Apache-2.0
#include "image/compose/compose.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <utility>

#include "base/byte_stream.h"
#include "base/file.h"
#include "base/json.h"
#include "base/scratch_directory.h"
#include "base/timestamp.h"
#include "image/archive_io.h"
#include "image/attachments.h"
#include "image/compose/package_source.h"
#include "image/compose/root_files.h"
#include "image/compose/sbom.h"
#include "kernel/rooted_path.h"
#include "oci/archive/compression.h"
#include "oci/image/manifest.h"
#include "oci/image/reference.h"

namespace gantry::image {
namespace {

constexpr std::string_view kSpdx = "application/spdx+json";

Result<std::int64_t> epoch_of(const Description& description) {
  if (description.source_date_epoch) return *description.source_date_epoch;
  const char* variable = std::getenv("SOURCE_DATE_EPOCH");
  if (variable == nullptr) return archive_date(description);
  std::int64_t epoch = 0;
  const std::string_view text = variable;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), epoch);
  if (failed != std::errc() || end != text.data() + text.size())
    return error(Code::InvalidArgument, "$SOURCE_DATE_EPOCH: '{}' is not a number", text);
  return epoch;
}

void write_set(json::Writer& json, std::string_view key, const std::vector<std::string>& names) {
  if (names.empty()) return;
  json.key(key).begin_object();
  for (const std::string& name : names) json.key(name).begin_object().end_object();
  json.end_object();
}

void write_list(json::Writer& json, std::string_view key, const std::vector<std::string>& words) {
  if (words.empty()) return;
  json.key(key).begin_array();
  for (const std::string& word : words) json.value(word);
  json.end_array();
}

// The "config" of an image's config, in its words.
std::string config_json(const ComposedConfig& config) {
  json::Writer json;
  json.begin_object();
  write_list(json, "Entrypoint", config.entrypoint);
  write_list(json, "Cmd", config.cmd);
  std::vector<std::string> env;
  if (!config.env.contains("PATH"))
    env.emplace_back("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  for (const auto& [name, value] : config.env) env.push_back(name + "=" + value);
  write_list(json, "Env", env);
  if (!config.user.empty()) json.key("User").value(config.user);
  if (!config.working_dir.empty()) json.key("WorkingDir").value(config.working_dir);
  write_set(json, "ExposedPorts", config.exposed_ports);
  write_set(json, "Volumes", config.volumes);
  if (!config.labels.empty()) {
    json.key("Labels").begin_object();
    for (const auto& [name, value] : config.labels) json.key(name).value(value);
    json.end_object();
  }
  if (!config.stop_signal.empty()) json.key("StopSignal").value(config.stop_signal);
  json.end_object();
  return std::move(json).text();
}

// The files as a compressed tar, in an unnamed file.
Result<UniqueFd> pack(const std::string& directory, const std::string& scratch) {
  UniqueFd file = TRY(open_at(AT_FDCWD, scratch, O_RDWR | O_TMPFILE, 0600));
  const UniqueFd root = TRY(open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  FdSink sink(file.get(), "the layer");
  const auto compressor = TRY(oci::compress(sink));
  TRY(export_tar(root.get(), *compressor));
  TRY(compressor->finish());
  if (::lseek(file.get(), 0, SEEK_SET) < 0) return sys_error("rewind a file");
  return file;
}

// Says of the image what it is made of: an artifact with the image as its subject.
Result<oci::Digest> attach_sbom(ImageStore& store, Lease& lease, const LoadedImage& image,
                                const std::string& spdx, const std::string& created) {
  const auto subject = TRY(store.manifest(image.digest));
  if (!subject) return error(Code::NotFound, "the image was removed meanwhile");
  oci::Manifest manifest;
  manifest.artifact_type = kSpdx;
  const oci::Digest empty = TRY(lease.add("{}"));
  const oci::Digest document = TRY(lease.add(spdx));
  manifest.config = {.media_type = "application/vnd.oci.empty.v1+json", .digest = empty, .size = 2};
  manifest.layers = {{.media_type = std::string(kSpdx), .digest = document, .size = spdx.size()}};
  manifest.subject =
      oci::Descriptor{.media_type = subject->media_type, .digest = image.digest, .size = subject->size};
  manifest.annotations["org.opencontainers.image.created"] = created;
  const oci::Digest digest = TRY(lease.add_manifest(oci::to_json(manifest), manifest));
  TRY(attach(store, image.digest, digest));
  return digest;
}

}  // namespace

Result<Composed> compose(ImageStore& store, Snapshots& snapshots, const Description& description,
                         const ComposeOptions& options) {
  if (::geteuid() != 0) return error(Code::PermissionDenied, "only root can install packages into an image");
  TRY(check_sources(description.files, options.base));
  const std::int64_t epoch = TRY(epoch_of(description));
  const auto work = TRY(ScratchDirectory::make(store.root() + "/compose-"));
  const std::string root_path = work.path() + "/root";
  if (::mkdir(root_path.c_str(), 0755) < 0) return sys_error("make '{}'", root_path);

  TRY_DURING(install_packages(description, root_path, epoch, options.output), "install packages");
  const std::vector<Package> packages =
      TRY_DURING(installed_packages(description, root_path), "list the packages that were installed");
  const kernel::RootDir root = TRY(kernel::RootDir::open(root_path));
  TRY(remove_traces(root));
  TRY(add_users(root, description.users, epoch));
  TRY(add_files(root, description.files, options.base));
  TRY(clamp_times(root, epoch));

  Lease lease = TRY(store.lease("compose"));
  const UniqueFd layer = TRY_DURING(pack(root_path, work.path()), "pack the layer");
  FdSource tar(layer.get(), "the layer");
  const timespec created{.tv_sec = epoch};
  const LoadedImage image = TRY(
      import_tar(store, snapshots, tar,
                 {.name = options.names.empty() ? "" : options.names.front(),
                  .platform = description.architecture.empty() ? "" : "linux/" + description.architecture,
                  .comment = fmt::format("composed from {} {}", description.distribution, description.suite),
                  .config = config_json(description.config),
                  .created = created}));
  for (std::size_t i = 1; i < options.names.size(); ++i)
    TRY(store.tag(image.config, TRY(oci::Reference::parse(options.names[i])).str()));
  const std::string spdx = spdx_document({.name = image.config.str(),
                                          .digest = image.digest.str(),
                                          .distribution = description.distribution,
                                          .suite = description.suite,
                                          .is_rpm = description.distribution == "rpm",
                                          .created = epoch},
                                         packages);
  const oci::Digest sbom = TRY(attach_sbom(store, lease, image, spdx, format_timestamp(created)));
  return Composed{.image = image.config, .manifest = image.digest, .sbom = sbom, .packages = packages.size()};
}

}  // namespace gantry::image
