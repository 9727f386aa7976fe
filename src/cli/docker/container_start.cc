// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/container_start.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/file.h"
#include "cli/docker/pull.h"

namespace gantry::cli::docker {
namespace {

void tell(std::string_view line) {
  (void)write_all(STDERR_FILENO, fmt::format("{}\n", line), "standard error");
}

// The file with the container's id, which must not be there before.
class IdFile {
 public:
  static Result<IdFile> make(const std::string& path) {
    if (path.empty()) return IdFile({}, "");
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!fd && errno == EEXIST)
      return error(Code::AlreadyExists,
                   "container ID file found, make sure the other container isn't running "
                   "or delete {}",
                   path);
    if (!fd) return sys_error("make '{}'", path);
    return IdFile(std::move(fd), path);
  }
  IdFile(IdFile&&) = default;
  ~IdFile() {
    if (fd_) (void)::unlink(path_.c_str());  // there is no container
  }
  Result<void> write(const std::string& id) {
    if (!fd_) return {};
    TRY(write_all(fd_.get(), id, path_));
    fd_.reset();
    return {};
  }

 private:
  IdFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

void resize(EngineClient& engine, const std::string& path, WindowSize size) {
  // It may have ended; then nobody looks at the size.
  (void)engine.post(path, {{"h", std::to_string(size.rows)}, {"w", std::to_string(size.columns)}});
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? std::to_string(signal) : name;
}

Result<json::Document> post_create(EngineClient& engine, const ContainerOptions& options,
                                   const std::string& body) {
  const std::string path = options.pod.empty()
                               ? "/containers/create"
                               : fmt::format("/gantry/v1/pods/{}/containers", path_part(options.pod));
  return engine.post_json(path, body, {{"name", options.name}, {"platform", options.platform}});
}

}  // namespace

int status_of_failed_start(const Error& failed) {
  const auto has = [&](std::string_view text) { return failed.message().find(text) != std::string::npos; };
  if (has("executable file not found") || has("no such file or directory") || has("(ENOENT)")) return 127;
  if (has("permission denied") || has("is a directory") || has("(EACCES)")) return 126;
  return kUsage;
}

Result<std::string> create_container(EngineClient& engine, const ContainerOptions& options,
                                     const CreateBody& request) {
  const std::string& image = request.config.image;
  const std::string body = to_json(request);
  if (options.pull != "always" && options.pull != "missing" && options.pull != "never")
    return error(Code::InvalidArgument,
                 "invalid pull option: '{}': must be one of 'always', 'missing' or 'never'", options.pull);
  const MessageView view = options.quiet ? MessageView::Quiet : MessageView::Shown;
  IdFile id_file = TRY(IdFile::make(options.cidfile));
  if (options.pull == "always")
    TRY(pull_image(engine, TRY(oci::Reference::parse(image)), options.platform, STDERR_FILENO, view));
  auto created = post_create(engine, options, body);
  if (!created && created.error().code() == Code::NotFound && options.pull == "missing" &&
      created.error().message().find("No such image") != std::string::npos) {
    if (!options.quiet) tell(fmt::format("Unable to find image '{}' locally", image));
    TRY(pull_image(engine, TRY(oci::Reference::parse(image)), options.platform, STDERR_FILENO, view));
    created = post_create(engine, options, body);
  }
  const json::Document answer = TRY(std::move(created));
  if (const auto warnings = answer.root().find("Warnings"))
    for (std::size_t i = 0; i < warnings->size(); ++i)
      tell(fmt::format("WARNING: {}", warnings->at(i).as_string()));
  const auto id = answer.root().find("Id");
  if (!id) return error(Code::DataLoss, "the daemon's answer has no Id");
  TRY(id_file.write(std::string(id->as_string())));
  return std::string(id->as_string());
}

Result<ExitWaiter> ExitWaiter::ask(EngineClient& engine, const std::string& id,
                                   const std::string& condition) {
  return ExitWaiter(TRY(engine.send({.method = "POST",
                                     .path = "/containers/" + path_part(id) + "/wait",
                                     .parameters = {{"condition", condition}}})));
}

Result<int> ExitWaiter::wait() {
  const json::Document answer = TRY(json::Document::parse(TRY(response_.read_body())));
  if (const auto failed = answer.root().find("Error"); failed && failed->find("Message"))
    return error(Code::Internal, "{}", failed->find("Message")->as_string());
  const auto status = answer.root().find("StatusCode");
  if (!status) return error(Code::DataLoss, "the daemon's answer has no StatusCode");
  return static_cast<int>(status->as_int64().value_or(kUsage));
}

Result<AttachedContainer> AttachedContainer::attach(EngineClient& engine, std::string id,
                                                    const AttachOptions& options) {
  const std::string path = "/containers/" + path_part(id);
  SessionOptions session{.tty = options.tty, .has_input = options.stdin};
  session.detach_keys = TRY(DetachKeys::parse(options.detach_keys));
  if (options.passes_signals)
    session.on_signal = [&engine, path](int signal) {
      (void)engine.post(path + "/kill", {{"signal", signal_name(signal)}});  // it may have ended
    };
  if (options.tty)
    session.on_resize = [&engine, path](WindowSize size) { resize(engine, path + "/resize", size); };
  const auto flag = [](bool is_on) { return is_on ? std::string("1") : std::string(); };
  http::Stream stream = TRY(engine.hijack(path + "/attach", {{"stream", "1"},
                                                             {"stdin", flag(options.stdin)},
                                                             {"stdout", flag(options.stdout)},
                                                             {"stderr", flag(options.stderr)},
                                                             {"detachKeys", options.detach_keys}}));
  // A change of the size makes programs draw anew; the session's own resize then takes it back.
  const auto size = window_size(STDOUT_FILENO);
  if (options.tty && options.redraws && size)
    resize(engine, path + "/resize",
           {.rows = static_cast<std::uint16_t>(size->rows + 1),
            .columns = static_cast<std::uint16_t>(size->columns + 1)});
  return AttachedContainer(TRY(Session::prepare(std::move(session))), std::move(stream));
}

void say_detached() { tell("read escape sequence"); }

}  // namespace gantry::cli::docker
