// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <algorithm>

#include <fmt/format.h>

namespace gantry::cli {
namespace {

constexpr std::string_view kBash = R"(_gantry() {
  mapfile -t COMPREPLY < <(gantry complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _gantry gantry
)";

constexpr std::string_view kZsh = R"(#compdef gantry
_gantry() {
  local -a found
  found=("${(@f)$(gantry complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "${found[*]}" ]] && compadd -- "${found[@]}" || _files
}
compdef _gantry gantry
)";

std::string names_of(std::span<const Option> options) {
  std::string names = "--help\n";
  for (const Option& option : options) names += fmt::format("--{}\n", option.name);
  return names;
}

// A verb and the words behind it.
struct Called {
  const Verb* verb = nullptr;
  std::span<const std::string> words;
};

Called find_verb(const Command& command, std::span<const std::string> words) {
  for (const Shortcut& shortcut : command.shortcuts)
    if (shortcut.name == words[0]) return {shortcut.verb, words.subspan(1)};
  for (const Group& group : command.groups)
    if (group.name == words[0] && words.size() > 2)
      for (const Verb& verb : group.verbs)
        if (verb.is_called(words[1])) return {&verb, words.subspan(2)};
  return {};
}

// "CONTAINER" of "CONTAINER [CONTAINER...]", "NETWORK CONTAINER" and so on, for the operand of that number.
std::string_view kind_of_operand(std::string_view usage, std::size_t number) {
  std::string_view kind;
  for (std::size_t i = 0; i <= number && !usage.empty(); ++i) {
    std::string_view word = usage.substr(0, usage.find(' '));
    usage.remove_prefix(std::min(word.size() + 1, usage.size()));
    while (word.starts_with('[')) word.remove_prefix(1);
    word = word.substr(0, word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    if (!word.empty()) kind = word;
  }
  return kind;
}

std::string of_verb(const Command& command, const Context& context, const Called& called) {
  const std::string& last = called.words.back();
  if (last.starts_with("-")) return called.verb->with_options(names_of);
  if (command.candidates == nullptr) return "";
  const auto is_operand = [](const std::string& word) { return !word.starts_with("-"); };
  const auto before = called.words.first(called.words.size() - 1);
  const auto number = static_cast<std::size_t>(std::ranges::count_if(before, is_operand));
  std::string text;
  for (const std::string& candidate :
       command.candidates(context, kind_of_operand(called.verb->operands, number)))
    text += candidate + "\n";
  return text;
}

std::string first_words(const Command& command) {
  std::string text;
  for (const Shortcut& shortcut : command.shortcuts) text += fmt::format("{}\n", shortcut.name);
  for (const Group& group : command.groups) text += fmt::format("{}\n", group.name);
  return text;
}

std::string verbs_of(const Command& command, std::string_view name) {
  std::string text;
  for (const Group& group : command.groups)
    if (group.name == name)
      for (const Verb& verb : group.verbs) text += fmt::format("{}\n", verb.name);
  return text;
}

std::string lines_that_begin_with(std::string_view text, std::string_view beginning) {
  std::string result;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n') + 1);
    text.remove_prefix(line.size());
    if (line.starts_with(beginning)) result += line;
  }
  return result;
}

}  // namespace

std::string complete(const Command& command, const Context& context, std::span<const std::string> words) {
  if (words.size() <= 1) return lines_that_begin_with(first_words(command), words.empty() ? "" : words[0]);
  const Called called = find_verb(command, words);
  const std::string candidates =
      called.verb != nullptr ? of_verb(command, context, called) : verbs_of(command, words[0]);
  return lines_that_begin_with(candidates, words.back());
}

Result<std::string> completion_script(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  return error(Code::InvalidArgument, "there is completion for bash and zsh, not for '{}'", shell);
}

}  // namespace gantry::cli
