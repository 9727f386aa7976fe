// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/dockerfile.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/lower_case.h"
#include "base/printable.h"
#include "base/trim.h"
#include "dockerfile/instruction_parser.h"
#include "dockerfile/logical_line.h"
#include "dockerfile/statement.h"

namespace gantry::dockerfile {
namespace {

// "# name = value" of the file's first lines; nothing for other lines.
std::optional<std::pair<std::string, std::string_view>> directive_of(std::string_view line) {
  line = trimmed(line);
  if (!line.starts_with('#')) return std::nullopt;
  line = trimmed(line.substr(1));
  const std::size_t equals = line.find('=');
  if (equals == line.npos) return std::nullopt;
  const std::string_view name = trimmed(line.substr(0, equals)), value = trimmed(line.substr(equals + 1));
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (name.empty() || value.empty() || !std::ranges::all_of(name, is_letter)) return std::nullopt;
  return std::pair(in_lower_case(name), value);
}

class Parser {
 public:
  Parser(std::string_view text, Problems& problems) : text_(text), reader_(text), problems_(problems) {}

  Result<Dockerfile> run() {
    TRY(read_directives());
    reader_.set_escape(file_.directives.escape);
    std::size_t count = 0;
    while (const auto line = reader_.next()) {
      if (++count > kMaxInstructions)
        return problems_.at(line->position(0), fmt::format("more than {} instructions", kMaxInstructions));
      if (const auto empty = line->empty_continuation())
        problems_.warn({*empty, 1}, "NoEmptyContinuation",
                       "an empty line inside of an instruction: it goes on behind it");
      TRY(add(TRY(parse_instruction(*line, reader_, file_.directives.escape, problems_))));
    }
    if (file_.stages.empty())
      return problems_.at({std::max(reader_.line(), 2u) - 1, 1}, "there is no FROM in it",
                          "a Dockerfile begins with FROM IMAGE, or FROM scratch");
    file_.warnings = problems_.take_warnings();
    return std::move(file_);
  }

 private:
  // They end at the first line that is none.
  Result<void> read_directives() {
    LineReader lines(text_);
    Directives& directives = file_.directives;
    bool has_escape = false;
    for (unsigned number = 1; const auto line = lines.next_raw(); ++number) {
      const auto directive = directive_of(*line);
      if (!directive) return {};
      const auto& [name, value] = *directive;
      const Position at{number, 1};
      if (name == "escape") {
        if (std::exchange(has_escape, true)) return problems_.at(at, "a second escape directive");
        if (value != "\\" && value != "`")
          return problems_.at(at, fmt::format("the escape character cannot be '{}'", printable(value)),
                              "it is \\ or `");
        directives.escape = value[0];
      } else if (name == "syntax") {
        if (directives.syntax) return problems_.at(at, "a second syntax directive");
        directives.syntax = value;
      } else if (name == "check") {
        if (directives.check) return problems_.at(at, "a second check directive");
        directives.check = value;
      } else {
        return {};
      }
    }
    return {};
  }

  Result<void> add(Instruction instruction) {
    if (auto* from = std::get_if<From>(&instruction.body)) {
      if (file_.stages.size() == kMaxStages)
        return problems_.at(instruction.at, fmt::format("more than {} stages", kMaxStages));
      file_.stages.push_back({.index = file_.stages.size(),
                              .from = *from,
                              .instruction = std::move(instruction),
                              .instructions = {}});
    } else if (!file_.stages.empty()) {
      file_.stages.back().instructions.push_back(std::move(instruction));
    } else if (std::holds_alternative<Arg>(instruction.body)) {
      file_.arguments.push_back(std::move(instruction));
    } else {
      return problems_.at(instruction.at, fmt::format("{} stands before the first FROM", instruction.keyword),
                          "only ARG may stand there");
    }
    return {};
  }

  std::string_view text_;
  LineReader reader_;
  Problems& problems_;
  Dockerfile file_;
};

}  // namespace

std::string Stage::display_name() const {
  return from.name.empty() ? fmt::format("stage-{}", index) : from.name;
}

const Stage* Dockerfile::find_stage(std::string_view name, std::size_t before) const {
  const std::string wanted = in_lower_case(name);
  if (wanted.empty()) return nullptr;  // a stage without a name is not called that
  before = std::min(before, stages.size());
  for (std::size_t i = before; i-- > 0;)
    if (stages[i].from.name == wanted) return &stages[i];
  for (std::size_t i = 0; i < before; ++i)
    if (std::to_string(i) == wanted) return &stages[i];
  return nullptr;
}

Result<Dockerfile> parse(std::string_view text, std::string_view file_name, Diagnostic* problem) {
  Problems problems(file_name, problem);
  if (text.size() > kMaxDockerfile)
    return problems.at({1, 1}, fmt::format("{} bytes: {} are the most", text.size(), kMaxDockerfile));
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (const std::size_t nul = text.find('\0'); nul != text.npos) {
    const auto line = static_cast<unsigned>(std::ranges::count(text.substr(0, nul), '\n')) + 1;
    return problems.at({line, 1}, "there is a NUL byte in it", "is it a text file?");
  }
  return Parser(text, problems).run();
}

Result<Instruction> parse_trigger(std::string_view text) {
  Problems problems("ONBUILD", nullptr);
  LineReader reader(text);
  const auto line = reader.next();
  if (!line) return problems.at({1, 1}, "a trigger without an instruction");
  Instruction instruction = TRY(parse_instruction(*line, reader, '\\', problems));
  for (const char* refused : {"ONBUILD", "FROM", "MAINTAINER"})
    if (instruction.keyword == refused)
      return problems.at({1, 1}, fmt::format("{} cannot be a trigger", instruction.keyword));
  return instruction;
}

}  // namespace gantry::dockerfile
