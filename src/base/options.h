// SPDX-License-Identifier: Apache-2.0
//
// Command-line options as rows of one table, from which parsing and help come.
//
//   bool detach = false;
//   std::string bundle = ".";
//   const Option options[] = {
//       {'d', "detach", "", &detach, "Leave the container running"},
//       {'b', "bundle", "DIR", &bundle, "Where config.json is"},
//   };
//   std::vector<std::string> rest = TRY(parse_options(options, arguments, Operands::Anywhere));
//
// Forms: --name value, --name=value, -n value, -nvalue, -n=value, and short flags together (-qd). A
// flag may be given a truth value: --detach=false. As callers of Go programs are used to, a long name
// may also follow a single dash. "--" ends the options.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace gantry {

struct Option {
  // A flag, a text, a list (each use adds one) or a number.
  using Target =
      std::variant<bool*, std::string*, std::vector<std::string>*, int*, std::optional<std::int64_t>*>;

  char letter;  // 0: none
  std::string_view name;
  std::string_view argument;  // what help calls the value: "DIR"; empty for a flag
  Target target;
  std::string_view help;
  // Whether a text may be a value at all; null: any may.
  bool (*accepts)(std::string_view value) = nullptr;
};

enum class Operands : std::uint8_t {
  Anywhere,       // options may follow operands
  EndTheOptions,  // what follows the first operand is not ours to read: the command of `exec`
};

// The operands. An error says which option is unknown, lacks its value or has a bad one.
Result<std::vector<std::string>> parse_options(std::span<const Option> options,
                                               std::span<const std::string> arguments, Operands operands);

// One line an option, aligned. A row without help is a second name of another, and is left out.
std::string describe_options(std::span<const Option> options);

}  // namespace gantry
