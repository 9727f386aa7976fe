// SPDX-License-Identifier: Apache-2.0
//
// The gantry command: global options, a group ("image"), a verb ("pull"), its options and operands. A verb is
// a struct of options with a table of them, a function, and one row in its group; parsing, help and
// completion come from these.
//
//   struct TagOptions { std::vector<Option> table() { return {}; } };
//   Result<int> tag(Context& context, const TagOptions& options, const Operands& operands);
//   constexpr Verb kTag = make_verb<TagOptions, tag>("tag", "IMAGE NAME[:TAG]", {2, 2}, "Give an image one
//   more name");
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/options.h"

namespace gantry::cli {

// What the global options say.
struct Context {
  std::string root;  // of the store
  Logger& log;       // to standard error
};

using Words = std::vector<std::string>;

// How many operands a verb takes.
struct Count {
  std::size_t least = 0;
  std::size_t most = 0;
};
inline constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

struct Verb {
  std::string_view name;
  std::string_view operands;  // for the usage line
  Count count;
  std::string_view summary;  // a sentence without a full stop
  Operands order;            // EndTheOptions: of a verb that runs a command
  // Parses and runs; the exit status.
  Result<int> (*run)(Context&, const Verb&, std::string_view group, std::span<const std::string> arguments);
  // The options' names, for completion.
  std::vector<std::string> (*option_names)();
};

// For a verb that has none of its own.
struct NoOptions {
  std::vector<Option> table() { return {}; }
};

struct Group {
  std::string_view name;
  std::string_view summary;
  std::span<const Verb> verbs;
};

// The exit status of a wrong command line, as docker has it.
inline constexpr int kUsage = 125;

namespace detail {
// Nullopt: it was the wish for help, or an error that was told; `status` is what to exit with then.
std::optional<Words> parse(const Verb& verb, std::string_view group, std::vector<Option> options,
                           std::span<const std::string> arguments, int& status);
std::vector<std::string> names_of(std::span<const Option> options);
}  // namespace detail

template <class Options, Result<int> (*function)(Context&, const Options&, const Words&)>
constexpr Verb make_verb(std::string_view name, std::string_view operands, Count count,
                         std::string_view summary, Operands order = Operands::Anywhere) {
  return {name,
          operands,
          count,
          summary,
          order,
          [](Context& context, const Verb& verb, std::string_view group,
             std::span<const std::string> arguments) -> Result<int> {
            Options options;
            int status = 0;
            const auto words = detail::parse(verb, group, options.table(), arguments, status);
            if (!words) return status;
            return function(context, options, *words);
          },
          [] {
            Options options;
            return detail::names_of(options.table());
          }};
}

// To standard output.
Result<void> print(std::string_view text);

// main() of gantry.
int run(std::span<const Group> groups, int argc, char** argv);

}  // namespace gantry::cli
