// SPDX-License-Identifier: Apache-2.0
//
// The gantry command: global options, a group ("image"), a verb ("pull"), its options and operands. A verb is
// a struct of options with a table of them, a function, and one row in its group; parsing, help, completion
// and manual pages come from these. What is used all day may also be called without its group ("gantry ps").
//
//   struct TagOptions { std::vector<Option> table() { return {}; } };
//   Result<int> tag(Context& context, const TagOptions& options, const Operands& operands);
//   constexpr Verb kTag = make_verb<TagOptions, tag>("tag", "IMAGE NAME[:TAG]", {2, 2}, "Give an image one
//   more name");
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/options.h"

namespace gantry::cli {

// PEM files. Unless `is_on`, a daemon at tcp:// is spoken to in the clear.
struct TlsFiles {
  bool is_on = false;
  bool verify = false;  // the daemon's certificate
  std::string authority, certificate, key;
};

// What the global options say.
struct Context {
  std::string root;  // of the store
  std::string host;  // of the daemon: "unix:///run/gantry/gantry.sock", "tcp://10.0.0.1:2376"
  TlsFiles tls;      // for a host that is reached by tcp
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
  // Text made of the table of options: for completion and manual.
  std::string (*with_options)(std::string (*render)(std::span<const Option>));
  std::string_view alias = {};  // a second name: "rm" for "remove"

  bool is_called(std::string_view word) const { return word == name || (!alias.empty() && word == alias); }
};

constexpr Verb with_alias(Verb verb, std::string_view alias) {
  verb.alias = alias;
  return verb;
}

// For a verb that has none of its own.
struct NoOptions {
  std::vector<Option> table() { return {}; }
};

struct Group {
  std::string_view name;
  std::string_view summary;
  std::span<const Verb> verbs;
};

// A verb that may be called without its group, perhaps by another name: "gantry rmi" is "gantry image
// remove".
struct Shortcut {
  std::string_view name;
  const Verb* verb;
};

// What main() puts together.
struct Command {
  std::span<const Shortcut> shortcuts;
  std::span<const Group> groups;
  // What may stand for an operand that the usage line calls `kind` ("CONTAINER"), for completion; may be
  // null.
  std::vector<std::string> (*candidates)(const Context& context, std::string_view kind) = nullptr;
};

// The exit statuses of a wrong command line, as docker has them: of an option, and of anything else (a verb
// that is not there, too few operands).
inline constexpr int kUsage = 125;
inline constexpr int kWrongWords = 1;
inline constexpr int kWrongTemplate = 64;  // of a document; of a list it is 1

namespace detail {
// Nullopt: it was the wish for help, or an error that was told; `status` is what to exit with then.
std::optional<Words> parse(const Verb& verb, std::string_view group, std::vector<Option> options,
                           std::span<const std::string> arguments, int& status);
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
          [](std::string (*render)(std::span<const Option>)) {
            Options options;
            return render(options.table());
          }};
}

// To standard output.
Result<void> print(std::string_view text);

// Tells why it failed, and answers the status to exit with, where that is not 1.
int failed(const Error& why, int status);

// Of the options that every verb has before its name.
std::string describe_global_options();

// main() of gantry.
int run(const Command& command, int argc, char** argv);

}  // namespace gantry::cli
