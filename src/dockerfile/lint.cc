// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/lint.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/lower_case.h"
#include "base/printable.h"
#include "base/split.h"
#include "base/trim.h"
#include "dockerfile/lint_rules.h"
#include "dockerfile/logical_line.h"
#include "dockerfile/values.h"
#include "dockerfile/words.h"

namespace gantry::dockerfile {
namespace {

enum class Case : std::uint8_t { Lower, Upper, Mixed };

Case case_of(std::string_view word) {
  const bool has_lower = std::ranges::any_of(word, [](char c) { return c >= 'a' && c <= 'z'; });
  const bool has_upper = std::ranges::any_of(word, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (has_lower && has_upper) return Case::Mixed;
  return has_lower ? Case::Lower : Case::Upper;
}

// As it was written.
std::string_view keyword_of(const Instruction& instruction) {
  return std::string_view(instruction.text).substr(0, instruction.keyword.size());
}

// ---- the whole file

void check_keywords(const Dockerfile& file, Notes& notes) {
  std::vector<const Instruction*> all;
  for (const Instruction& argument : file.arguments) all.push_back(&argument);
  for (const Stage& stage : file.stages) {
    all.push_back(&stage.instruction);
    for (const Instruction& instruction : stage.instructions) all.push_back(&instruction);
  }
  const auto count = [&](Case wanted) {
    return std::ranges::count(all, wanted, [](const Instruction* i) { return case_of(keyword_of(*i)); });
  };
  const Case usual = count(Case::Lower) > count(Case::Upper) ? Case::Lower : Case::Upper;
  for (const Instruction* instruction : all)
    if (case_of(keyword_of(*instruction)) != usual)
      notes.add(*instruction, "ConsistentInstructionCasing",
                fmt::format("write '{}' in {} letters, as most instructions here are",
                            keyword_of(*instruction), usual == Case::Lower ? "small" : "capital"));
}

// ---- FROM

// "AS name" as it was written; empty without one.
std::pair<std::string_view, std::string_view> as_of(const Stage& stage) {
  if (stage.from.name.empty()) return {};
  const std::vector<RawWord> words = split_words(stage.instruction.text, '\\');
  return {words[words.size() - 2].text, words.back().text};
}

void check_name(const Dockerfile& file, const Stage& stage, Notes& notes) {
  const auto [as, name] = as_of(stage);
  if (name.empty()) return;
  const Instruction& from = stage.instruction;
  if (case_of(name) != Case::Lower && name != stage.from.name)
    notes.add(from, "StageNameCasing", fmt::format("write the name of stage '{}' in small letters", name));
  if (case_of(as) != case_of(keyword_of(from)))
    notes.add(from, "FromAsCasing",
              fmt::format("'{}' and '{}' differ in capital and small letters", keyword_of(from), as));
  if (stage.from.name == "context")
    notes.add(from, "ReservedStageName", "'context' means the build's files, and is no good name of a stage");
  const auto is_same = [&](const Stage& other) { return other.from.name == stage.from.name; };
  if (std::any_of(file.stages.begin(), file.stages.begin() + static_cast<std::ptrdiff_t>(stage.index),
                  is_same))
    notes.add(from, "DuplicateStageName", fmt::format("there is a stage '{}' already", name));
}

void check_platform(const Stage& stage, Notes& notes) {
  const std::string& platform = stage.from.platform.text;
  if (platform.empty()) return;
  if (platform == "$TARGETPLATFORM" || platform == "${TARGETPLATFORM}")
    notes.add(stage.instruction, "RedundantTargetPlatform",
              "--platform=$TARGETPLATFORM is how it is without");
  if (platform.find('$') != platform.npos) return;
  // A stage that is called after what it is for means it.
  for (const std::string_view part : gantry::split_words(platform, '/'))
    if (stage.from.name.find(part) != std::string::npos) return;
  notes.add(stage.instruction, "FromPlatformFlagConstDisallowed",
            fmt::format("--platform={} leaves no choice to who builds", printable(platform)));
}

// ---- instructions

// JSON names the program, which then is sent the signals that a shell would get instead. Who has named a
// shell wants it. (What looks like JSON and is none was noted when it was read.)
void check_command(const Instruction& instruction, const CommandLine& command, bool has_shell, Notes& notes) {
  if (!command.is_shell || has_shell || command.words[0].starts_with('[')) return;
  notes.add(
      instruction, "JSONArgsRecommended",
      fmt::format("a shell stands between signals and the program: write {0} [\"program\", \"argument\"]",
                  instruction.keyword));
}

bool is_secret_name(std::string_view name) {
  static const std::set<std::string_view> kSecret = {
      "apikey", "auth", "credential", "credentials", "key", "passwd", "password", "pword", "secret", "token"};
  static const std::set<std::string_view> kHarmless = {"public", "file", "version"};
  bool is_secret = false;
  const std::string lower = in_lower_case(name);
  for (const std::string_view part : split(lower, '_')) {
    if (kHarmless.contains(part)) return false;
    is_secret = is_secret || kSecret.contains(part);
  }
  return is_secret;
}

void check_secret(const Instruction& instruction, std::string_view name, Notes& notes) {
  if (is_secret_name(name))
    notes.add(instruction, "SecretsUsedInArgOrEnv",
              fmt::format("{} '{}' stays in the image for all to see: use RUN --mount=type=secret",
                          instruction.keyword, printable(name)));
}

// "8080:80" and "127.0.0.1:80" belong to `docker run --publish`.
void check_port(const Instruction& instruction, std::string_view port, Notes& notes) {
  if (port.find(':') != port.npos && port.find('$') == port.npos)
    notes.add(
        instruction, "ExposeInvalidFormat",
        fmt::format("'{}': addresses and ports of the host are for who runs the image", printable(port)));
  const std::size_t slash = port.find('/');
  if (slash != port.npos && case_of(port.substr(slash + 1)) != Case::Lower &&
      port.find('$', slash) == port.npos)
    notes.add(instruction, "ExposeProtoCasing",
              fmt::format("write the protocol of '{}' in small letters", printable(port)));
}

void check_sources(const Instruction& instruction, const Copy& copy, const IgnoreList* ignored,
                   Notes& notes) {
  if (ignored == nullptr || !copy.from.is_empty()) return;
  for (const Word& source : copy.sources) {
    const bool is_plain = source.text.find_first_of("$*?[\\'\"") == std::string::npos &&
                          source.text.find("://") == std::string::npos;
    std::string_view path = source.text;
    while (path.starts_with("./")) path.remove_prefix(2);
    while (path.starts_with('/')) path.remove_prefix(1);
    while (path.ends_with('/')) path.remove_suffix(1);
    if (is_plain && !path.empty() && ignored->is_ignored(path) && !ignored->may_except_below(path))
      notes.add(instruction, "CopyIgnoredFile",
                fmt::format(".dockerignore leaves out '{}'", printable(source.text)));
  }
}

// What a stage hands on to those that stand on it.
struct Inherited {
  bool has_shell = false, has_workdir = false;
};

class StageLinter {
 public:
  StageLinter(const LintOptions& options, Notes& notes) : options_(options), notes_(notes) {}

  Inherited run(const Stage& stage, Inherited state) {
    state_ = state;
    for (const Instruction& instruction : stage.instructions) check(instruction);
    return state_;
  }

 private:
  void check(const Instruction& instruction) {
    const InstructionBody& body = instruction.body;
    if (const auto* cmd = std::get_if<Cmd>(&body)) {
      check_command(instruction, cmd->command, state_.has_shell, notes_);
      note_once(instruction);
    } else if (const auto* entrypoint = std::get_if<Entrypoint>(&body)) {
      check_command(instruction, entrypoint->command, state_.has_shell, notes_);
      note_once(instruction);
    } else if (std::holds_alternative<Healthcheck>(body)) {
      note_once(instruction);
    } else if (std::holds_alternative<Shell>(body)) {
      state_.has_shell = true;
    } else if (const auto* workdir = std::get_if<Workdir>(&body)) {
      check_workdir(instruction, workdir->path.text);
    } else if (const auto* env = std::get_if<Env>(&body)) {
      for (const Assignment& item : env->items) check_secret(instruction, item.name.text, notes_);
    } else if (const auto* arg = std::get_if<Arg>(&body)) {
      for (const Arg::Item& item : arg->items) check_secret(instruction, item.name, notes_);
    } else if (const auto* expose = std::get_if<Expose>(&body)) {
      for (const Word& port : expose->ports) check_port(instruction, port.text, notes_);
    } else if (const auto* copy = std::get_if<Copy>(&body)) {
      check_sources(instruction, *copy, options_.ignored, notes_);
    }
  }

  // The one before is told: it is without effect.
  void note_once(const Instruction& instruction) {
    const Instruction*& before = once_[instruction.body.index()];
    if (before != nullptr)
      notes_.add(*before, "MultipleInstructionsDisallowed",
                 fmt::format("only the last {} of a stage counts", instruction.keyword));
    before = &instruction;
  }

  void check_workdir(const Instruction& instruction, std::string_view path) {
    if (path.starts_with('/') || path.starts_with('$')) {
      state_.has_workdir = true;
    } else if (!state_.has_workdir) {
      notes_.add(instruction, "WorkdirRelativePath",
                 fmt::format("where '{}' is depends on the base image", printable(path)));
    }
  }

  const LintOptions& options_;
  Notes& notes_;
  Inherited state_;
  std::map<std::size_t, const Instruction*> once_;
};

}  // namespace

Result<CheckRules> parse_check(std::string_view text) {
  CheckRules rules;
  for (const std::string_view part : gantry::split_words(text, ';')) {
    const std::size_t equals = part.find('=');
    const std::string_view key = trimmed(part.substr(0, equals));
    const std::string_view value = equals == part.npos ? "" : trimmed(part.substr(equals + 1));
    if (key == "skip") {
      for (const std::string_view rule : gantry::split_words(value, ','))
        rules.skipped.emplace_back(trimmed(rule));
      rules.skips_all = value == "all";
    } else if (key == "error") {
      const auto is_error = parse_bool(value);
      if (!is_error)
        return error(Code::InvalidArgument, "check: error is true or false, not '{}'", printable(value));
      rules.is_error = *is_error;
    } else if (key != "experimental") {  // there are no such rules here
      return error(Code::InvalidArgument, "check: there is no option '{}'; there are skip and error",
                   printable(key));
    }
  }
  return rules;
}

std::vector<Warning> lint(const Dockerfile& file, const CheckRules& rules, const LintOptions& options) {
  if (rules.skips_all) return {};
  Notes notes(file.warnings);
  check_keywords(file, notes);
  std::vector<Inherited> ends;
  for (const Stage& stage : file.stages) {
    check_name(file, stage, notes);
    check_platform(stage, notes);
    const Stage* base = file.find_stage(stage.from.image.text, stage.index);
    ends.push_back(StageLinter(options, notes).run(stage, base != nullptr ? ends[base->index] : Inherited{}));
  }
  check_variables(file, options, notes);
  std::vector<Warning> warnings = std::move(notes).take();
  std::erase_if(warnings, [&](const Warning& warning) {
    return std::ranges::find(rules.skipped, warning.rule) != rules.skipped.end();
  });
  std::ranges::stable_sort(warnings, {}, [](const Warning& warning) { return warning.at.line; });
  return warnings;
}

std::string rule_url(std::string_view rule) {
  std::string name;
  for (std::size_t i = 0; i < rule.size(); ++i) {
    const bool is_capital = rule[i] >= 'A' && rule[i] <= 'Z';
    // "JSONArgs" is two words.
    const bool begins = is_capital && i > 0 &&
                        (!(rule[i - 1] >= 'A' && rule[i - 1] <= 'Z') ||
                         (i + 1 < rule.size() && rule[i + 1] >= 'a' && rule[i + 1] <= 'z'));
    if (begins) name += '-';
    name += is_capital ? static_cast<char>(rule[i] - 'A' + 'a') : rule[i];
  }
  return fmt::format("https://docs.docker.com/go/dockerfile/rule/{}/", name);
}

}  // namespace gantry::dockerfile
