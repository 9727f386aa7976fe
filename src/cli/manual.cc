// SPDX-License-Identifier: Apache-2.0
#include "cli/manual.h"

#include <fmt/format.h>

#include "base/file.h"

namespace gantry::cli {
namespace {

// For man(7): backslashes and hyphens are commands of its own, as is a dot or quote at a line's beginning.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      if (result.empty() && (c == '.' || c == '\'')) result += "\\&";
      result += c;
    }
  }
  return result;
}

std::string options_text(std::span<const Option> options) {
  std::string text;
  for (const Option& option : options) {
    if (option.help.empty()) continue;
    text += ".TP\n";
    if (option.letter != 0) text += fmt::format("\\fB\\-{}\\fR, ", option.letter);
    text += fmt::format("\\fB\\-\\-{}\\fR", escaped(option.name));
    if (!option.argument.empty()) text += fmt::format(" \\fI{}\\fR", escaped(option.argument));
    text += fmt::format("\n{}.\n", escaped(option.help));
  }
  return text;
}

std::string head(std::string_view name, std::string_view summary) {
  std::string page_name(name);
  for (char& c : page_name)
    if (c == ' ') c = '-';
  return fmt::format(".TH \"{}\" 1 \"\" \"Gantry\" \"Gantry\"\n.SH NAME\n{} \\- {}\n", page_name,
                     escaped(page_name), escaped(summary));
}

std::string page_of(const Verb& verb, const std::string& name) {
  const std::string options = verb.with_options(options_text);
  std::string text = head(name, verb.summary);
  text +=
      fmt::format(".SH SYNOPSIS\n\\fB{}\\fR{} {}\n.SH DESCRIPTION\n{}.\n", escaped(name),
                  options.empty() ? "" : " [\\fIoptions\\fR]", escaped(verb.operands), escaped(verb.summary));
  if (!options.empty()) text += ".SH OPTIONS\n" + options;
  return text + ".SH SEE ALSO\n\\fBgantry\\fR(1)\n";
}

std::string main_page(const Command& command) {
  std::string text = head("gantry", "containers, images, networks, volumes");
  text +=
      ".SH SYNOPSIS\n\\fBgantry\\fR [\\fIglobal options\\fR] \\fICOMMAND\\fR [\\fIoptions\\fR] "
      "[\\fIoperands\\fR]\n";
  text += ".SH COMMANDS\n";
  for (const Shortcut& shortcut : command.shortcuts)
    text += fmt::format(".TP\n\\fB{}\\fR\n{}.\n", escaped(shortcut.name), escaped(shortcut.verb->summary));
  for (const Group& group : command.groups)
    for (const Verb& verb : group.verbs)
      text += fmt::format(".TP\n\\fB{} {}\\fR\n{}.\n", group.name, escaped(verb.name), escaped(verb.summary));
  return text + fmt::format(".SH GLOBAL OPTIONS\n.nf\n{}.fi\n", escaped(describe_global_options()));
}

Result<void> write_page(const std::string& directory, std::string name, const std::string& text) {
  for (char& c : name)
    if (c == ' ') c = '-';
  return replace_file_at(AT_FDCWD, fmt::format("{}/{}.1", directory, name), text, 0644);
}

}  // namespace

Result<void> write_manual(const Command& command, const std::string& directory) {
  TRY(make_directories(directory, 0755));
  TRY(write_page(directory, "gantry", main_page(command)));
  for (const Shortcut& shortcut : command.shortcuts) {
    const std::string name = fmt::format("gantry {}", shortcut.name);
    TRY(write_page(directory, name, page_of(*shortcut.verb, name)));
  }
  for (const Group& group : command.groups)
    for (const Verb& verb : group.verbs) {
      const std::string name = fmt::format("gantry {} {}", group.name, verb.name);
      TRY(write_page(directory, name, page_of(verb, name)));
    }
  return {};
}

}  // namespace gantry::cli
