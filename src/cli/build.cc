// SPDX-License-Identifier: Apache-2.0
//
// build.
#include "cli/build.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/scratch_directory.h"
#include "build/inspection.h"
#include "cli/build_network.h"
#include "cli/build_options.h"
#include "cli/build_progress.h"
#include "cli/builder.h"
#include "cli/cancel_by_signal.h"
#include "image/archive_io.h"

namespace gantry::cli {
namespace {

// ---- results

// Opens what "dest" names for writing.
Result<UniqueFd> open_destination(const std::string& path) {
  if (path != "-") return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  UniqueFd out(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!out) return sys_error("use standard output");
  return out;
}

std::string metadata_json(const build::BuildResult& result) {
  json::Writer writer(json::Style::Indented);
  writer.begin_object();
  writer.key("containerimage.config.digest").value(result.image.str());
  writer.key("containerimage.digest").value(result.manifest.str());
  writer.key("image.name").value(fmt::format("{}", fmt::join(result.names, ",")));
  writer.end_object();
  return std::move(writer).text() + "\n";
}

Result<void> write_results(const BuildOptions& options, const build::BuildResult& result) {
  if (!options.iidfile.empty()) TRY(replace_file_at(AT_FDCWD, options.iidfile, result.image.str(), 0644));
  if (!options.metadata_file.empty())
    TRY(replace_file_at(AT_FDCWD, options.metadata_file, metadata_json(result), 0644));
  return {};
}

// Status 1 if there is anything to say.
Result<int> check_dockerfile(const Store& store, const build::BuildRequest& request) {
  const auto scratch = TRY(ScratchDirectory::make(store.images->root() + "/check-"));
  request.context->use_scratch(TRY(open_at(AT_FDCWD, scratch.path(), O_RDONLY | O_DIRECTORY)));
  const build::Inspection inspection = TRY(build::Inspection::of(request));
  const auto warnings = TRY(inspection.warnings(store.images.get()));
  for (const dockerfile::Warning& warning : warnings) TRY(print(inspection.shown(warning)));
  if (warnings.empty()) TRY(print("Check complete, no warnings found.\n"));
  return warnings.empty() ? 0 : 1;
}

Result<int> build_image(Context& context, const BuildOptions& options, const Words& words) {
  std::vector<BuildOutput> outputs;
  for (const std::string& text : options.outputs) outputs.push_back(TRY(parse_output(text)));
  if (outputs.size() > 1) return error(Code::InvalidArgument, "option '--output' can be given once");
  const BuildOutput output = outputs.empty() ? BuildOutput{} : outputs.front();
  const bool is_root = ::geteuid() == 0;
  Store store = TRY(open_store_to_unpack(context));
  PreparedBuild prepared = TRY(prepare_build(options, words[0]));
  build::BuildRequest& request = prepared.request;
  if (options.check) return check_dockerfile(store, request);
  build::Cancel cancel;
  request.cancel = &cancel;
  const CancelBySignal by_signal(cancel);

  using Kind = BuildOutput::Kind;
  const bool is_archive = output.kind == Kind::OciArchive || output.kind == Kind::DockerArchive;
  request.keeps_image = output.kind == Kind::Image;
  UniqueFd tar_file;
  std::optional<FdSink> tar;
  if (output.kind == Kind::Tar || is_archive) {
    tar_file = TRY(open_destination(output.destination));
    tar.emplace(tar_file.get(), output.destination);
  }
  if (output.kind == Kind::Tar) request.tar = {&*tar};
  if (is_archive) {
    const bool is_oci = output.kind == Kind::OciArchive;
    request.archives = {{is_oci ? image::ArchiveForm::Oci : image::ArchiveForm::Docker, &*tar}};
  }
  if (output.kind == Kind::Directory) request.directory = {output.destination};

  image::Registries registries(TRY(image::RegistriesOptions::from_host()));
  // An ordinary user may not change the host's network: his RUNs have it as he has.
  std::unique_ptr<BuildNetwork> network;
  if (is_root) network = TRY(BuildNetwork::open(build_run_directory(), context.log));
  build::Builder builder = TRY(open_builder(context, store, &registries, network.get()));
  const BuildProgressForm form = TRY(parse_build_progress(options.quiet ? "none" : options.progress));
  auto progress = show_build(form);
  Result<build::BuildResult> built = builder.build(request, *progress);
  progress.reset();
  const build::BuildResult result = TRY_DURING(std::move(built), "build");
  TRY(write_results(options, result));
  if ((request.keeps_image || is_archive) && output.destination != "-") TRY(print(result.image.str() + "\n"));
  return 0;
}

}  // namespace

const Verb kBuild =
    make_verb<BuildOptions, build_image>("build", "DIR|URL|-", {1, 1}, "Make an image from a Dockerfile");

}  // namespace gantry::cli
