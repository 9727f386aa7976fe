// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/copy_paths.h"

#include "oci/archive/tar_reader.h"
#include "oci/archive/tar_writer.h"

namespace gantry::cli::docker {
namespace {

bool ends_in_slash(std::string_view path) { return path.ends_with('/') || path.ends_with("/."); }

std::string without_slashes(std::string_view path) {
  if (path.ends_with("/.")) path.remove_suffix(1);
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

// "/a/b" is "/a" and "b"; "/" has no name.
std::pair<std::string, std::string> split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

bool names_contents(const CopyEnd& source) { return source.is_directory && source.path.ends_with("/."); }

// What the daemon and copy_out() call the first entry of a path.
std::string name_in_archive(const CopyEnd& source) {
  const std::string name = split(without_slashes(source.path)).second;
  return name.empty() || names_contents(source) ? "." : name;
}

void rename(std::string& path, const CopyPlan& plan) {
  if (plan.from.empty() || !path.starts_with(plan.from)) return;
  const std::string_view behind = std::string_view(path).substr(plan.from.size());
  if (behind.empty() || behind[0] == '/') path = plan.to + std::string(behind);
}

}  // namespace

Result<CopyPlan> plan_copy(const CopyEnd& source, const CopyEnd& destination) {
  const std::string to = without_slashes(destination.path);
  const auto [parent, name] = split(to);
  if (!destination.exists && ends_in_slash(destination.path) && !source.is_directory)
    return error(Code::NotFound, "destination directory \"{}\" does not exist", destination.path);
  if (source.is_directory && destination.exists && !destination.is_directory)
    return error(Code::InvalidArgument, "cannot copy directory to file \"{}\"", destination.path);
  if (destination.is_directory) return CopyPlan{.directory = to, .from = "", .to = ""};
  return CopyPlan{.directory = parent, .from = name_in_archive(source), .to = name};
}

Result<void> rename_entries(ByteSource& archive, ByteSink& result, const CopyPlan& plan) {
  oci::TarReader reader(archive);
  oci::TarWriter writer(result);
  while (auto entry = TRY(reader.next())) {
    rename(entry->path, plan);
    if (entry->type == oci::TarType::HardLink) rename(entry->link_target, plan);
    TRY(writer.add(*entry));
    for (auto piece = TRY(reader.next_piece()); !piece.data.empty(); piece = TRY(reader.next_piece()))
      TRY(writer.write(piece.data));
  }
  TRY(writer.finish());
  return reader.drain();
}

CopyOperand parse_copy_operand(std::string_view text) {
  const std::size_t colon = text.find(':');
  const bool is_local =
      colon == std::string_view::npos || colon == 0 || text.starts_with('/') || text.starts_with('.');
  if (is_local) return {"", std::string(text)};
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

}  // namespace gantry::cli::docker
