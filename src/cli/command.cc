// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "base/file.h"

#ifndef GANTRY_VERSION
#error "GANTRY_VERSION comes from the build"
#endif

namespace gantry::cli {
namespace {

struct GlobalOptions {
  std::string root;
  std::string log_level = "info";
  bool debug = false;
  bool version = false;
  bool help = false;

  std::vector<Option> table() {
    return {
        {0, "root", "DIR", &root,
         "Where images are kept (default: $GANTRY_ROOT, else /var/lib/gantry, or below your data directory)"},
        {'l', "log-level", "LEVEL", &log_level, "debug, info, warning or error"},
        {'D', "debug", "", &debug, "The same as --log-level debug"},
        {'v', "version", "", &version, "Show the version"},
        {'h', "help", "", &help, "Show this text"}};
  }
};

std::string default_root() {
  if (const char* root = std::getenv("GANTRY_ROOT"); root != nullptr && *root != '\0') return root;
  if (::geteuid() == 0) return "/var/lib/gantry";
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/')
    return fmt::format("{}/gantry", data);
  const char* home = std::getenv("HOME");
  return fmt::format("{}/.local/share/gantry", home == nullptr ? "" : home);
}

std::string help_text(std::span<const Group> groups, std::span<const Option> options) {
  std::string text = "Usage: gantry [global options] GROUP VERB [options] [operands]\n\nGroups:\n";
  for (const Group& group : groups) text += fmt::format("  {:<12}{}\n", group.name, group.summary);
  return text + "\nGlobal options:\n" + describe_options(options) +
         "\n'gantry GROUP' lists the verbs of a group, 'gantry GROUP VERB --help' explains one.\n";
}

std::string help_text(const Group& group) {
  std::string text =
      fmt::format("Usage: gantry {} VERB [options] [operands]\n\n{}.\n\nVerbs:\n", group.name, group.summary);
  for (const Verb& verb : group.verbs) text += fmt::format("  {:<12}{}\n", verb.name, verb.summary);
  return text;
}

template <class Named>
const Named* find(std::span<const Named> all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &Named::name);
  return found == all.end() ? nullptr : &*found;
}

int usage_error(std::string_view message) {
  (void)write_all(2, fmt::format("gantry: {}\n", message), "standard error");
  return kUsage;
}

Result<int> show(std::string_view text) {
  TRY(print(text));
  return 0;
}

// "gantry complete image pu": what the last word may become, one a line. What shells' completion calls.
Result<int> complete(std::span<const Group> groups, std::span<const std::string> words) {
  std::vector<std::string> candidates;
  const std::string last = words.empty() ? "" : words.back();
  const Group* group = words.size() > 1 ? find(groups, words[0]) : nullptr;
  const Verb* verb = group != nullptr && words.size() > 2 ? find(group->verbs, words[1]) : nullptr;
  if (words.size() <= 1)
    for (const Group& each : groups) candidates.emplace_back(each.name);
  else if (group != nullptr && words.size() == 2)
    for (const Verb& each : group->verbs) candidates.emplace_back(each.name);
  else if (verb != nullptr && last.starts_with("-"))
    for (const std::string& name : verb->option_names()) candidates.push_back("--" + name);
  std::string text;
  for (const std::string& candidate : candidates)
    if (candidate.starts_with(last)) text += candidate + "\n";
  return show(text);
}

constexpr std::string_view kBashCompletion = R"(_gantry() {
  mapfile -t COMPREPLY < <(gantry complete "${COMP_WORDS[@]:1:COMP_CWORD}")
}
complete -o default -F _gantry gantry
)";

Result<int> dispatch(std::span<const Group> groups, GlobalOptions& options, std::span<const Option> table,
                     std::span<const std::string> words) {
  if (options.version) return show(fmt::format("gantry version {}\n", GANTRY_VERSION));
  if (options.help || words.empty() || words[0] == "help") return show(help_text(groups, table));
  if (words[0] == "complete") return complete(groups, words.subspan(1));
  if (words[0] == "completion") return show(kBashCompletion);
  const Group* group = find(groups, words[0]);
  if (group == nullptr)
    return usage_error(fmt::format("'{}' is not a gantry command. See 'gantry --help'", words[0]));
  if (words.size() == 1 || words[1] == "--help" || words[1] == "-h") return show(help_text(*group));
  const Verb* verb = find(group->verbs, words[1]);
  if (verb == nullptr)
    return usage_error(
        fmt::format("'{} {}' is not a gantry command. See 'gantry {}'", words[0], words[1], words[0]));
  const auto level = options.debug ? LogLevel::Debug : parse_log_level(options.log_level);
  if (!level)
    return usage_error(fmt::format("'{}' is no log level: debug, info, warning or error", options.log_level));
  Logger log(STDERR_FILENO, {.level = *level});
  Context context{.root = options.root.empty() ? default_root() : options.root, .log = log};
  return verb->run(context, *verb, group->name, words.subspan(2));
}

}  // namespace

namespace detail {

std::optional<Words> parse(const Verb& verb, std::string_view group, std::vector<Option> options,
                           std::span<const std::string> arguments, int& status) {
  bool help = false;
  options.push_back({'h', "help", "", &help, "Show this text"});
  const std::string command = fmt::format("gantry {} {}", group, verb.name);
  auto words = parse_options(options, arguments, verb.order);
  if (words && help) {
    (void)print(fmt::format("Usage: {} [options]{}{}\n\n{}.\n\nOptions:\n{}", command,
                            verb.operands.empty() ? "" : " ", verb.operands, verb.summary,
                            describe_options(options)));
    status = 0;
    return std::nullopt;
  }
  std::string wrong;
  if (!words)
    wrong = words.error().message();
  else if (words->size() < verb.count.least || words->size() > verb.count.most)
    wrong = fmt::format("expected {}, got {} operands", verb.operands.empty() ? "no operands" : verb.operands,
                        words->size());
  if (wrong.empty()) return *std::move(words);
  status = usage_error(fmt::format("{}. See '{} --help'", wrong, command));
  return std::nullopt;
}

std::vector<std::string> names_of(std::span<const Option> options) {
  std::vector<std::string> names = {"help"};
  for (const Option& option : options) names.emplace_back(option.name);
  return names;
}

}  // namespace detail

Result<void> print(std::string_view text) { return write_all(1, text, "standard output"); }

int run(std::span<const Group> groups, int argc, char** argv) {
  GlobalOptions options;
  const std::vector<Option> table = options.table();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto words = parse_options(table, arguments, Operands::EndTheOptions);
  if (!words) return usage_error(words.error().message() + ". See 'gantry --help'");
  const Result<int> status = dispatch(groups, options, table, *words);
  if (status) return *status;
  (void)write_all(2, fmt::format("gantry: {}\n", status.error().message()), "standard error");
  return 1;
}

}  // namespace gantry::cli
