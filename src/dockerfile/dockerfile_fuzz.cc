// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a Dockerfile, and what is found in it expanded.
#include <cstddef>
#include <cstdint>

#include "dockerfile/dockerfile.h"
#include "dockerfile/expansion.h"
#include "dockerfile/lint.h"
#include "dockerfile/patterns.h"

using namespace gantry::dockerfile;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Diagnostic problem;
  const auto file = parse(text, "Dockerfile", &problem);
  (void)excerpt(text, {problem.at.line, problem.at.line + 3});
  const Lookup lookup = [](std::string_view name) { return std::optional(std::string(name)); };
  (void)expand(text, lookup);
  (void)expand_to_words(text, lookup, {.escape = '`', .keeps_quotes = true});
  if (const auto list = gantry::dockerfile::IgnoreList::parse(text, ".dockerignore"))
    (void)list->is_ignored("a/b/c.d");
  if (!file) return 0;
  if (const auto rules = parse_check(file->directives.check.value_or("")))
    (void)lint(*file, *rules, {.environment_of = [](const std::string&) {
      return std::optional(std::vector<std::string>());
    }});
  for (const Stage& stage : file->stages)
    for (const Instruction& instruction : stage.instructions)
      if (const auto* trigger = std::get_if<OnBuild>(&instruction.body)) {
        const auto parsed = parse_trigger(trigger->text);
        if (!parsed && file->directives.escape == '\\') __builtin_trap();  // it was checked
      }
  return 0;
}
