// SPDX-License-Identifier: Apache-2.0
//
// gantry cp and export. The other side of a copy is the daemon's archive calls; on this side the same code
// reads and writes the files that does so there.
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <thread>

#include "base/base64.h"
#include "base/file.h"
#include "cli/docker/copy_paths.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/verbs.h"
#include "cli/output_file.h"
#include "engine/copy_archive.h"

namespace gantry::cli::docker {
namespace {

struct CopyOptions {
  bool archive = false, follow_link = false, quiet = false;

  std::vector<Option> table() {
    return {{'a', "archive", "", &archive, "Keep owners and groups"},
            {'L', "follow-link", "", &follow_link, "Copy what a link leads to"},
            {'q', "quiet", "", &quiet, "Say nothing"}};
  }
};

constexpr std::uint32_t kGoDirectory = 1U << 31, kGoLink = 1U << 27;  // of Go's os.FileMode

std::string archive_path(const std::string& container) {
  return "/containers/" + path_part(container) + "/archive";
}

// ---- The ends

Result<std::string> absolute(const std::string& path, bool follows_link) {
  std::array<char, PATH_MAX> buffer;
  if (follows_link) {
    if (::realpath(path.c_str(), buffer.data()) == nullptr) return sys_error("find '{}'", path);
    return std::string(buffer.data());
  }
  if (path.starts_with('/')) return path;
  if (::getcwd(buffer.data(), buffer.size()) == nullptr) return sys_error("find the working directory");
  return path == "." ? std::string(buffer.data()) + "/." : fmt::format("{}/{}", buffer.data(), path);
}

Result<CopyEnd> local_end(const std::string& path, bool follows_link) {
  CopyEnd end{.path = TRY(absolute(path, follows_link))};
  struct stat stat{};
  end.exists = ::stat(end.path.c_str(), &stat) == 0;
  end.is_directory = end.exists && S_ISDIR(stat.st_mode);
  return end;
}

Result<engine::PathStat> stat_in_container(EngineClient& client, const std::string& container,
                                           const std::string& path) {
  const auto response =
      TRY(client.send({.method = "HEAD", .path = archive_path(container), .parameters = {{"path", path}}}));
  const auto header = response.headers().get("X-Docker-Container-Path-Stat");
  const auto text = header ? from_base64(*header) : std::nullopt;
  if (!text) return error(Code::DataLoss, "the daemon's answer says nothing about '{}'", path);
  const json::Document document = TRY(json::Document::parse(*text));
  engine::PathStat stat;
  for (std::size_t i = 0; i < document.root().size(); ++i) {
    const std::string_view key = document.root().key(i);
    const json::Value value = document.root().at(i);
    if (key == "mode") stat.mode = static_cast<std::uint32_t>(value.as_uint64().value_or(0));
    if (key == "linkTarget") stat.link_target = value.as_string();
  }
  return stat;
}

// The end of a link counts: a link to a directory is copied into.
Result<CopyEnd> container_end(EngineClient& client, const std::string& container, std::string path,
                              bool follows_link) {
  if (!path.starts_with('/')) path.insert(0, "/");
  CopyEnd end{.path = std::move(path)};
  auto stat = stat_in_container(client, container, end.path);
  if (stat && (stat->mode & kGoLink) != 0 && follows_link) {
    end.path = stat->link_target;
    stat = stat_in_container(client, container, end.path);
  }
  if (!stat && stat.error().code() != Code::NotFound) return std::move(stat).error();
  // Is it the file that is missing, or the container? An answer to HEAD has no words.
  if (!stat) TRY(client.get("/containers/" + path_part(container) + "/json"));
  end.exists = stat.has_value();
  end.is_directory = stat && (stat->mode & kGoDirectory) != 0;
  return end;
}

// ---- The copy between them

// A reader that has failed is told of by its own error; writing to it must not end us.
void ignore_closed_pipes() {
  sigset_t pipe;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  (void)::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

// Runs `fill`, which writes, in a thread of its own beside `drain`, which reads what was written.
template <class Fill, class Drain>
Result<void> through_pipe(Fill fill, Drain drain) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return sys_error("make pipe");
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  Result<void> filled;
  std::thread filler([&] {
    ignore_closed_pipes();
    FdSink sink(write_end.get(), "pipe");
    filled = fill(sink);
    write_end.reset();
  });
  FdSource source(read_end.get(), "pipe");
  auto drained = drain(source);
  read_end.reset();  // a filler that is not done yet fails
  filler.join();
  if (!drained) return drained;
  return filled;
}

Result<UniqueFd> root_directory() { return open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY); }

Result<void> upload(EngineClient& client, const CopyOptions& options, const std::string& container,
                    const std::string& directory, ByteSource& archive) {
  auto response = TRY(client.send({.method = "PUT",
                                   .path = archive_path(container),
                                   .parameters = {{"path", directory},
                                                  {"noOverwriteDirNonDir", "true"},
                                                  {"copyUIDGID", options.archive ? "true" : ""}},
                                   .source = &archive,
                                   .headers = {{"Content-Type", "application/x-tar"}}}));
  TRY(response.read_body());
  return {};
}

Result<void> copy_to_container(EngineClient& client, const CopyOptions& options, const std::string& from,
                               const CopyOperand& to) {
  if (from == "-") {
    FdSource standard_input(STDIN_FILENO, "standard input");
    return upload(client, options, to.container, to.path, standard_input);
  }
  const CopyEnd source = TRY(local_end(from, options.follow_link));
  if (struct stat stat{}; ::lstat(source.path.c_str(), &stat) < 0) return sys_error("copy '{}'", source.path);
  const CopyPlan plan = TRY(plan_copy(source, TRY(container_end(client, to.container, to.path, true))));
  const UniqueFd root = TRY(root_directory());
  const auto read_files = [&](ByteSink& sink) { return engine::copy_out(root.get(), source.path, sink); };
  return through_pipe(
      [&](ByteSink& sink) {
        return through_pipe(read_files, [&](ByteSource& files) { return rename_entries(files, sink, plan); });
      },
      [&](ByteSource& archive) { return upload(client, options, to.container, plan.directory, archive); });
}

Result<void> copy_from_container(EngineClient& client, const CopyOptions& options, const CopyOperand& from,
                                 const std::string& to) {
  const CopyEnd source = TRY(container_end(client, from.container, from.path, options.follow_link));
  auto response =
      TRY(client.send({.path = archive_path(from.container), .parameters = {{"path", source.path}}}));
  if (to == "-") {
    FdSink standard_output(STDOUT_FILENO, "standard output");
    TRY(copy(response.body(), standard_output));
    return {};
  }
  const CopyPlan plan = TRY(plan_copy(source, TRY(local_end(to, false))));
  struct stat parent{};
  if (::stat(plan.directory.c_str(), &parent) < 0 || !S_ISDIR(parent.st_mode))
    return error(Code::NotFound, "invalid output path: directory \"{}\" does not exist", plan.directory);
  const UniqueFd root = TRY(root_directory());
  engine::CopyInOptions unpacking{.no_overwrite_dir_non_dir = true};
  if (!options.archive) unpacking.owner = {::geteuid(), ::getegid()};
  return through_pipe(
      [&](ByteSink& sink) { return rename_entries(response.body(), sink, plan); },
      [&](ByteSource& archive) { return engine::copy_in(root.get(), plan.directory, archive, unpacking); });
}

Result<int> copy_files(Context& context, const CopyOptions& options, const Words& words) {
  const CopyOperand from = parse_copy_operand(words[0]), to = parse_copy_operand(words[1]);
  if (!from.container.empty() && !to.container.empty())
    return error(Code::Unsupported, "copying between containers is not supported");
  if (from.container.empty() && to.container.empty())
    return error(Code::InvalidArgument, "must specify at least one container source");
  EngineClient client = TRY(EngineClient::of(context));
  if (to.container.empty())
    TRY(copy_from_container(client, options, from, to.path));
  else
    TRY(copy_to_container(client, options, from.path, to));
  return 0;
}

struct ExportOptions {
  std::string output;
  std::vector<Option> table() {
    return {{'o', "output", "FILE", &output, "Where to write it, not standard output"}};
  }
};

Result<int> export_container(Context& context, const ExportOptions& options, const Words& words) {
  EngineClient client = TRY(EngineClient::of(context));
  OutputFile output = TRY(OutputFile::open(options.output));
  auto response = TRY(client.send({.path = "/containers/" + path_part(words[0]) + "/export"}));
  TRY(copy(response.body(), output));
  TRY(output.commit());
  return 0;
}

}  // namespace

const Verb kCopy =
    make_verb<CopyOptions, copy_files>("cp", "[CONTAINER:]PATH [CONTAINER:]PATH", {2, 2},
                                       "Copy files into a container or out of it; '-' is a tar archive");
const Verb kExport = make_verb<ExportOptions, export_container>(
    "export", "CONTAINER", {1, 1}, "Write the files of a container as a tar archive");

}  // namespace gantry::cli::docker
