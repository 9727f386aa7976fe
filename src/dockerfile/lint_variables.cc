// SPDX-License-Identifier: Apache-2.0
//
// check_variables() of lint_rules.h.
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/printable.h"
#include "dockerfile/expansion.h"
#include "dockerfile/lint_rules.h"
#include "dockerfile/spelling.h"
#include "oci/image/reference.h"

namespace gantry::dockerfile {
namespace {

using Names = std::set<std::string, std::less<>>;

// What is there without an ARG: for FROM, and for everything.
const Names kPlatformArguments = {"BUILDPLATFORM",  "BUILDOS",  "BUILDARCH",  "BUILDVARIANT",
                                  "TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT"};
constexpr const char* kPath = "PATH";

// Those that a word takes as they are. Where it says what stands for a variable that is not set ("${A:-b}"),
// it knows of that.
Names names_in(const Word& word, char escape) {
  Names names;
  const auto note = [&](std::string_view name) -> std::optional<std::string> {
    if (word.text.find(fmt::format("${}", name)) != word.text.npos ||
        word.text.find(fmt::format("${{{}}}", name)) != word.text.npos)
      names.emplace(name);
    return std::string();
  };
  (void)expand(word.text, note, {.escape = escape});  // what is wrong with it is said by who builds
  return names;
}

// Of a few that are known: all would take too long in a file that was made for that.
std::string hint(std::string_view name, const Names& known, std::string_view mark) {
  constexpr std::size_t kMost = 100, kLongest = 64;
  std::vector<std::string_view> candidates;
  for (const std::string& candidate : known)
    if (candidate.size() <= kLongest && candidates.size() < kMost) candidates.push_back(candidate);
  const std::string_view meant = nearest(name, candidates);
  return meant.empty() ? "" : fmt::format("; did you mean {}{}?", mark, meant);
}

// The words of an instruction that are expanded.
std::vector<Word> words_of(const Instruction& instruction) {
  std::vector<Word> words;
  const auto add_assignments = [&](const std::vector<Assignment>& items) {
    for (const Assignment& item : items) words.insert(words.end(), {item.name, item.value});
  };
  if (const auto* env = std::get_if<Env>(&instruction.body)) add_assignments(env->items);
  if (const auto* label = std::get_if<Label>(&instruction.body)) add_assignments(label->items);
  if (const auto* expose = std::get_if<Expose>(&instruction.body)) words = expose->ports;
  if (const auto* volume = std::get_if<Volume>(&instruction.body)) words = volume->paths;
  if (const auto* user = std::get_if<User>(&instruction.body)) words = {user->user};
  if (const auto* workdir = std::get_if<Workdir>(&instruction.body)) words = {workdir->path};
  if (const auto* signal = std::get_if<StopSignal>(&instruction.body)) words = {signal->signal};
  if (const auto* copy = std::get_if<Copy>(&instruction.body)) {
    words = copy->sources;
    words.insert(words.end(), {copy->destination, copy->chown, copy->chmod, copy->checksum});
    words.insert(words.end(), copy->excludes.begin(), copy->excludes.end());
  }
  if (const auto* run = std::get_if<Run>(&instruction.body))
    for (const RunMount& mount : run->mounts)
      words.insert(words.end(), {mount.source, mount.target, mount.id, mount.env});
  return words;
}

// What is known in a stage at one place of it; nothing is told where some of it is not known.
struct Scope {
  const Scope* base = nullptr;  // the stage that it stands on
  Names environment;
  Names arguments;  // its own alone
  bool is_complete = true;

  // Counts the stages that were looked at.
  bool has(std::string_view name, std::size_t& looks) const {
    if (arguments.contains(name)) return true;
    for (const Scope* scope = this; scope != nullptr; scope = scope->base) {
      ++looks;
      if (scope->environment.contains(name)) return true;
    }
    return false;
  }
  Names own() const {
    Names names = environment;
    names.insert(arguments.begin(), arguments.end());
    return names;
  }
};

class Variables {
 public:
  Variables(const Dockerfile& file, const LintOptions& options, Notes& notes)
      : file_(file), options_(options), notes_(notes) {}

  void run() {
    Names globals = kPlatformArguments;
    std::map<std::string, std::string, std::less<>> defaults;
    for (const Instruction& instruction : file_.arguments)
      for (const Arg::Item& item : std::get<Arg>(instruction.body).items) {
        globals.insert(item.name);
        declare(item, defaults);
      }
    for (const Stage& stage : file_.stages) {
      check_from(stage, globals, defaults);
      check_stage(stage);
    }
  }

 private:
  using Defaults = std::map<std::string, std::string, std::less<>>;

  static Lookup lookup_in(const Defaults& defaults) {
    return [&defaults](std::string_view name) -> std::optional<std::string> {
      if (const auto found = defaults.find(name); found != defaults.end()) return found->second;
      if (kPlatformArguments.contains(name)) return std::string("linux");  // some value
      return std::nullopt;
    };
  }

  void declare(const Arg::Item& item, Defaults& defaults) const {
    constexpr std::size_t kLongest = 4096;  // bytes: more is no part of an image's name
    if (!item.value) return;
    if (auto value = expand(item.value->text, lookup_in(defaults), {.escape = escape()});
        value && value->size() <= kLongest)
      defaults.insert_or_assign(item.name, *std::move(value));
  }

  void check_from(const Stage& stage, const Names& globals, const Defaults& defaults) {
    for (const Word& word : {stage.from.image, stage.from.platform})
      for (const std::string& name : names_in(word, escape()))
        if (!globals.contains(name))
          notes_.add(stage.instruction, "UndefinedArgInFrom",
                     fmt::format("no ARG before the first FROM declares '{}'{}", printable(name),
                                 hint(name, globals, "")));
    const auto image = expand(stage.from.image.text, lookup_in(defaults), {.escape = escape()});
    if (image && *image != stage.from.image.text && !oci::Reference::parse(*image))
      notes_.add(stage.instruction, "InvalidDefaultArgInFrom",
                 fmt::format("without build arguments '{}' is no name of an image",
                             printable(stage.from.image.text)));
  }

  Scope scope_of_base(const Stage& stage) const {
    if (const Stage* base = file_.find_stage(stage.from.image.text, stage.index))
      return {.base = &scopes_[base->index], .is_complete = scopes_[base->index].is_complete};
    Scope scope;
    scope.environment.insert(kPath);
    if (stage.from.image.text == "scratch") return scope;
    const auto environment = options_.environment_of ? options_.environment_of(stage.from.image.text)
                                                     : std::optional<std::vector<std::string>>();
    scope.is_complete = environment.has_value();
    for (const std::string& variable : environment.value_or(std::vector<std::string>()))
      scope.environment.insert(variable.substr(0, variable.find('=')));
    return scope;
  }

  void check_stage(const Stage& stage) {
    Scope scope = scope_of_base(stage);
    for (const Instruction& instruction : stage.instructions) {
      for (const Word& word : words_of(instruction)) check(instruction, word, scope);
      if (const auto* env = std::get_if<Env>(&instruction.body))
        for (const Assignment& item : env->items) scope.environment.insert(item.name.text);
      if (const auto* arg = std::get_if<Arg>(&instruction.body))
        for (const Arg::Item& item : arg->items) {
          if (item.value) check(instruction, *item.value, scope);
          scope.arguments.insert(item.name);
        }
    }
    scopes_.push_back(std::move(scope));
  }

  void check(const Instruction& instruction, const Word& word, const Scope& scope) {
    if (!scope.is_complete || looks_ >= kMostLooks || notes_.is_full()) return;
    for (const std::string& name : names_in(word, escape()))
      if (!scope.has(name, looks_))
        notes_.add(
            instruction, "UndefinedVar",
            fmt::format("nothing defines '${}' here{}", printable(name), hint(name, scope.own(), "$")));
  }

  char escape() const { return file_.directives.escape; }

  const Dockerfile& file_;
  const LintOptions& options_;
  Notes& notes_;
  std::deque<Scope> scopes_;  // at the ends of stages; they refer to each other
  std::size_t looks_ = 0;
  static constexpr std::size_t kMostLooks = 1'000'000;  // a file that needs more is checked no further
};

}  // namespace

void check_variables(const Dockerfile& file, const LintOptions& options, Notes& notes) {
  Variables(file, options, notes).run();
}

}  // namespace gantry::dockerfile
