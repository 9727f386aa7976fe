// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "base/file.h"
#include "cli/completion.h"
#include "cli/daemon_address.h"
#include "cli/manual.h"

#ifndef GANTRY_VERSION
#error "GANTRY_VERSION comes from the build"
#endif

namespace gantry::cli {
namespace {

struct GlobalOptions {
  std::string root;
  std::string host;
  TlsFiles tls;
  std::string log_level = "info";
  bool debug = false;
  bool version = false;
  bool help = false;

  std::vector<Option> table() {
    return {
        {'H', "host", "URL", &host,
         "The daemon: unix:///PATH or tcp://HOST:PORT (default: $GANTRY_HOST, $DOCKER_HOST, else "
         "unix:///run/gantry/gantry.sock)"},
        {0, "tls", "", &tls.is_on, "Speak TLS with a daemon at tcp://"},
        {0, "tlsverify", "", &tls.verify, "Speak TLS, and check the daemon's certificate"},
        {0, "tlscacert", "FILE", &tls.authority, "The authority that has signed it (PEM)"},
        {0, "tlscert", "FILE", &tls.certificate, "The certificate to show to the daemon (PEM)"},
        {0, "tlskey", "FILE", &tls.key, "The key of that certificate (PEM)"},
        {0, "root", "DIR", &root,
         "Where images are kept (default: $GANTRY_ROOT, else /var/lib/gantry, or below your data directory)"},
        {'l', "log-level", "LEVEL", &log_level, "debug, info, warning or error"},
        {'D', "debug", "", &debug, "The same as --log-level debug"},
        {'v', "version", "", &version, "Show the version"},
        {'h', "help", "", &help, "Show this text"}};
  }
};

std::string help_text(const Command& command, std::span<const Option> options) {
  std::string text = "Usage: gantry [global options] COMMAND [options] [operands]\n\nCommands:\n";
  for (const Shortcut& shortcut : command.shortcuts)
    text += fmt::format("  {:<12}{}\n", shortcut.name, shortcut.verb->summary);
  text += "\nGroups of commands:\n";
  for (const Group& group : command.groups) text += fmt::format("  {:<12}{}\n", group.name, group.summary);
  return text + "\nGlobal options:\n" + describe_options(options) +
         "\n'gantry GROUP' lists the commands of a group, 'gantry COMMAND --help' explains one.\n";
}

std::string help_text(const Group& group) {
  std::string text = fmt::format("Usage: gantry {} COMMAND [options] [operands]\n\n{}.\n\nCommands:\n",
                                 group.name, group.summary);
  for (const Verb& verb : group.verbs) text += fmt::format("  {:<12}{}\n", verb.name, verb.summary);
  return text;
}

template <class Named>
const Named* find(std::span<const Named> all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &Named::name);
  return found == all.end() ? nullptr : &*found;
}

const Verb* find_verb(const Group& group, std::string_view name) {
  const auto found =
      std::ranges::find_if(group.verbs, [&](const Verb& verb) { return verb.is_called(name); });
  return found == group.verbs.end() ? nullptr : &*found;
}

int usage_error(std::string_view message, int status = kUsage) {
  (void)write_all(2, fmt::format("gantry: {}\n", message), "standard error");
  return status;
}

Result<int> show(std::string_view text) {
  TRY(print(text));
  return 0;
}

using Arguments = std::span<const std::string>;

Result<int> call(const Command& command, Context& context, Arguments words) {
  if (const Shortcut* shortcut = find(command.shortcuts, words[0])) {
    Verb verb = *shortcut->verb;
    verb.name = shortcut->name;
    return verb.run(context, verb, "", words.subspan(1));
  }
  const Group* group = find(command.groups, words[0]);
  if (group == nullptr)
    return usage_error(fmt::format("'{}' is not a gantry command. See 'gantry --help'", words[0]),
                       kWrongWords);
  if (words.size() == 1 || words[1] == "--help" || words[1] == "-h") return show(help_text(*group));
  const Verb* verb = find_verb(*group, words[1]);
  if (verb == nullptr)
    return usage_error(
        fmt::format("'{} {}' is not a gantry command. See 'gantry {}'", words[0], words[1], words[0]),
        kWrongWords);
  return verb->run(context, *verb, group->name, words.subspan(2));
}

// What the command says of itself.
Result<int> write_pages(const Command& command, Arguments words) {
  if (words.size() != 2)
    return usage_error("'gantry manual' needs the directory to write the pages to", kWrongWords);
  TRY(write_manual(command, words[1]));
  return 0;
}

Result<int> dispatch(const Command& command, GlobalOptions& options, std::span<const Option> table,
                     Arguments words) {
  if (options.version) return show(fmt::format("gantry version {}\n", GANTRY_VERSION));
  if (options.help || words.empty() || words[0] == "help") return show(help_text(command, table));
  if (words[0] == "completion") return show(TRY(completion_script(words.size() > 1 ? words[1] : "bash")));
  if (words[0] == "manual") return write_pages(command, words);
  const auto level = options.debug ? LogLevel::Debug : parse_log_level(options.log_level);
  if (!level)
    return usage_error(fmt::format("'{}' is no log level: debug, info, warning or error", options.log_level));
  Logger log(STDERR_FILENO, {.level = *level});
  DaemonAddress daemon = TRY(find_daemon(options.host, options.tls));
  Context context{.root = options.root.empty() ? default_root() : options.root,
                  .host = std::move(daemon.host),
                  .tls = std::move(daemon.tls),
                  .log = log};
  if (words[0] == "complete") return show(complete(command, context, words.subspan(1)));
  return call(command, context, words);
}

}  // namespace

namespace detail {

std::optional<Words> parse(const Verb& verb, std::string_view group, std::vector<Option> options,
                           std::span<const std::string> arguments, int& status) {
  bool help = false;
  // -h is --hostname where docker has it so.
  const bool has_h = std::ranges::find(options, 'h', &Option::letter) != options.end();
  options.push_back({has_h ? '\0' : 'h', "help", "", &help, "Show this text"});
  const std::string command = fmt::format("gantry {}{}{}", group, group.empty() ? "" : " ", verb.name);
  auto words = parse_options(options, arguments, verb.order);
  if (words && help) {
    (void)print(fmt::format("Usage: {} [options]{}{}\n\n{}.\n\nOptions:\n{}", command,
                            verb.operands.empty() ? "" : " ", verb.operands, verb.summary,
                            describe_options(options)));
    status = 0;
    return std::nullopt;
  }
  if (words && words->size() >= verb.count.least && words->size() <= verb.count.most)
    return *std::move(words);
  const std::string wrong =
      words ? fmt::format("expected {}, got {} operands",
                          verb.operands.empty() ? "no operands" : verb.operands, words->size())
            : words.error().message();
  status = usage_error(fmt::format("{}. See '{} --help'", wrong, command), words ? kWrongWords : kUsage);
  return std::nullopt;
}

}  // namespace detail

Result<void> print(std::string_view text) { return write_all(1, text, "standard output"); }

int failed(const Error& why, int status) { return usage_error(why.message(), status); }

std::string describe_global_options() {
  GlobalOptions options;
  return describe_options(options.table());
}

int run(const Command& command, int argc, char** argv) {
  GlobalOptions options;
  const std::vector<Option> table = options.table();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto words = parse_options(table, arguments, Operands::EndTheOptions);
  if (!words) return usage_error(words.error().message() + ". See 'gantry --help'");
  const Result<int> status = dispatch(command, options, table, *words);
  if (status) return *status;
  return failed(status.error(), 1);
}

}  // namespace gantry::cli
