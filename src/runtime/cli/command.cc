// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/command.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "kernel/sealed_program.h"
#include "oci/runtime_spec.h"

#ifndef GANTRY_VERSION
#error "GANTRY_VERSION comes from the build"
#endif

namespace gantry::runtime {
namespace cli {
namespace {

constexpr Command kCommands[] = {
    {"checkpoint", "<container-id>", "Save the processes of a container to files", checkpoint},
    {"create", "<container-id>", "Make a container that waits for 'start'", create, Enters::Container},
    {"delete", "<container-id>", "Remove a container and all that it holds", remove},
    {"events", "<container-id>", "Show statistics and out-of-memory events", events},
    {"exec", "<container-id> <command> [arguments]", "Run one more process in a container", exec,
     Enters::Container, 255},
    {"features", "", "Show what this runtime supports, as JSON", features},
    {"kill", "<container-id> [signal]", "Send a signal, by default TERM", kill},
    {"list", "", "List the containers below the root directory", list},
    {"pause", "<container-id>", "Freeze all processes of a container", pause},
    {"ps", "<container-id> [ps options]", "List a container's processes", ps},
    {"restore", "<container-id>", "Make a container from a checkpoint", restore},
    {"resume", "<container-id>", "Let a paused container go on", resume},
    {"run", "<container-id>", "Make a container and start it", run, Enters::Container},
    {"spec", "", "Write a config.json to start from", spec},
    {"start", "<container-id>", "Let a created container run its program", start},
    {"state", "<container-id>", "Show a container's state as JSON", state},
    {"update", "<container-id>", "Change a container's limits", update},
};

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(kCommands, name, &Command::name);
  return found == std::end(kCommands) ? nullptr : found;
}

std::string version_text() {
  return fmt::format("gantry-runtime version {}\nspec: {}\n", GANTRY_VERSION, oci::kSpecVersionMax);
}

std::string help_text(std::span<const Option> options) {
  std::string text = "Usage: gantry-runtime [global options] <command> [options] [operands]\n\nCommands:\n";
  for (const Command& command : kCommands) text += fmt::format("  {:<12}{}\n", command.name, command.summary);
  return text + "\nGlobal options:\n" + describe_options(options);
}

std::string default_root() {
  if (::geteuid() == 0) return "/run/gantry-runtime";
  const char* directory = std::getenv("XDG_RUNTIME_DIR");
  return fmt::format("{}/gantry-runtime",
                     directory != nullptr ? directory : fmt::format("/tmp/{}", ::geteuid()));
}

struct GlobalOptions {
  std::string root;
  std::string log;
  std::string log_format = "text";
  std::string rootless = "auto";
  std::string criu = "criu";
  bool debug = false;
  bool systemd_cgroup = false;
  bool version = false;
  bool help = false;

  std::vector<Option> table() {
    return {
        {0, "root", "DIR", &root, "Where containers are recorded (default: /run/gantry-runtime)"},
        {0, "log", "FILE", &log, "Write warnings and errors there"},
        {0, "log-format", "FORMAT", &log_format, "text or json"},
        {0, "debug", "", &debug, "Log more"},
        {0, "systemd-cgroup", "", &systemd_cgroup, "Let systemd make the control groups"},
        {0, "rootless", "WORD", &rootless, "Accepted for compatibility: privileges are looked at, not told"},
        {0, "criu", "PATH", &criu, "The criu program (default: criu, found by PATH)"},
        {'v', "version", "", &version, "Show the version"},
        {'h', "help", "", &help, "Show this text"}};
  }
};

Result<LogFormat> parse_format(const std::string& word) {
  if (word == "text") return LogFormat::Text;
  if (word == "json") return LogFormat::Json;
  return error(Code::InvalidArgument, "option '--log-format' is either text or json, not '{}'", word);
}

void report(const Log& log, const Error& failure) {
  log.error(failure.message());
  // Who looks at the terminal should see it too, as with runc.
  if (log.is_file()) (void)write_all(2, failure.message() + "\n", "standard error");
}

Result<int> dispatch(char* const* argv, GlobalOptions& options, std::span<const Option> table,
                     const std::vector<std::string>& rest, const Log& log) {
  if (options.version) {
    TRY(print(version_text()));
    return 0;
  }
  if (options.help || rest.empty() || rest[0] == "help") {
    TRY(print(help_text(table)));
    return 0;
  }
  const Command* command = find_command(rest[0]);
  if (command == nullptr) return error(Code::InvalidArgument, "unknown command '{}'", rest[0]);
  if (command->enters == Enters::Container) {
    TRY(kernel::run_from_sealed_place(argv));
    (void)::prctl(PR_SET_NAME, "gantry-runtime");  // the sealed copy would be named after its descriptor
  }
  const Globals globals{.root = options.root.empty() ? default_root() : options.root,
                        .systemd_cgroup = options.systemd_cgroup,
                        .criu = options.criu,
                        .log = log};
  auto status = command->run(globals, Arguments(rest.begin() + 1, rest.end()));
  if (status) return status;
  report(log, status.error());
  return command->failure;
}

}  // namespace

Result<void> print(std::string_view text) { return write_all(1, text, "standard output"); }

Result<std::vector<std::string>> parse(const Operation& operation, std::span<const Option> options,
                                       const Arguments& arguments) {
  const Command* command = find_command(operation.name);
  bool help = false;
  std::vector<Option> all(options.begin(), options.end());
  all.push_back({'h', "help", "", &help, "Show this text"});
  auto operands = TRY_DURING(parse_options(all, arguments, operation.operands), "{}", operation.name);
  if (help) {
    TRY(print(fmt::format("Usage: gantry-runtime {} [options] {}\n\n{}.\n\n{}", command->name,
                          command->operands, command->summary, describe_options(all))));
    ::_exit(0);
  }
  if (operands.size() < operation.least || operands.size() > operation.most)
    return error(Code::InvalidArgument, "{}: expected {}, got {} operands", operation.name,
                 command->operands.empty() ? "no operands" : command->operands, operands.size());
  return operands;
}

}  // namespace cli

int runtime_main(int argc, char** argv) {
  cli::GlobalOptions options;
  const std::vector<Option> table = options.table();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  Log log;
  const auto result = [&]() -> Result<int> {
    const auto rest = TRY(parse_options(table, arguments, Operands::EndTheOptions));
    log = TRY(Log::open(options.log, TRY(cli::parse_format(options.log_format)), options.debug));
    return cli::dispatch(argv, options, table, rest, log);
  }();
  if (result) return *result;
  cli::report(log, result.error());
  return 1;
}

}  // namespace gantry::runtime
