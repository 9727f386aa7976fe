// SPDX-License-Identifier: Apache-2.0
//
// What a Dockerfile says that is allowed, and better written otherwise. The rules have the names that
// BuildKit's linter gives them; those are here that can be told from the text
// (https://docs.docker.com/reference/build-checks/).
//
//   const CheckRules rules = TRY(parse_check(file.directives.check.value_or("")));
//   for (const Warning& warning : lint(file, rules, {})) ...
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dockerfile/dockerfile.h"
#include "dockerfile/patterns.h"

namespace gantry::dockerfile {

// "skip=JSONArgsRecommended,StageNameCasing;error=true": what "# check=" says, or the build argument
// BUILDKIT_DOCKERFILE_CHECK in its place.
struct CheckRules {
  std::vector<std::string> skipped;
  bool skips_all = false;
  bool is_error = false;  // a build ends where there is anything to say
};
// Empty: nothing is skipped. InvalidArgument.
Result<CheckRules> parse_check(std::string_view text);

struct LintOptions {
  const IgnoreList* ignored = nullptr;  // of .dockerignore; null: there is none
  // The environment ("NAME=value") of an image. Nothing: it is not known, and then no variable is taken for
  // undefined in a stage that stands on it. May be empty.
  std::function<std::optional<std::vector<std::string>>(const std::string& image)> environment_of = {};
};

// In the order of the lines; those that the parser has noted are among them.
std::vector<Warning> lint(const Dockerfile& file, const CheckRules& rules, const LintOptions& options);

// Where a rule is explained: "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/".
std::string rule_url(std::string_view rule);

}  // namespace gantry::dockerfile
