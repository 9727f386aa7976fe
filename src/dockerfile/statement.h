// SPDX-License-Identifier: Apache-2.0
//
// One instruction's line on its way to an Instruction: its keyword, its flags, and what is left; and the one
// way to say what is wrong with it, and where.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "dockerfile/dockerfile.h"
#include "dockerfile/instruction.h"
#include "dockerfile/logical_line.h"
#include "dockerfile/words.h"

namespace gantry::dockerfile {

// Collects what is to be said about a file.
class Problems {
 public:
  Problems(std::string_view file_name, Diagnostic* diagnostic)
      : file_name_(file_name), diagnostic_(diagnostic) {}

  // "Dockerfile:3:5: message; hint". The innermost place is told.
  Error at(Position at, std::string message, std::string hint = {}) const;
  // `rule`: Warning::rule.
  void warn(Position at, std::string_view rule, std::string message) {
    warnings_.push_back({at, std::move(message), rule});
  }
  std::vector<Warning> take_warnings() { return std::move(warnings_); }

 private:
  std::string file_name_;
  Diagnostic* diagnostic_;
  std::vector<Warning> warnings_;
};

struct Flag {
  std::string_view name;  // without "--"
  std::optional<Word> value;
  Position at;
  bool is_used = false;
};

class Statement {
 public:
  Statement(const LogicalLine& line, char escape, Problems& problems);

  const std::string& keyword() const { return keyword_; }  // in capitals
  char escape() const { return escape_; }
  Problems& problems() const { return problems_; }
  const LogicalLine& line() const { return line_; }

  // What follows keyword and flags, without white space at its ends.
  std::string_view rest() const { return rest_; }
  std::vector<RawWord> words() const { return split_words(rest_, escape_); }
  Word word(std::string_view part) const { return {std::string(part), position(part)}; }
  // Of a part of the line.
  Position position(std::string_view part) const;

  // Takes "--name[=value]" words from the beginning of what is left.
  void read_flags();
  // The value of a flag that is given at most once; nothing if it is not. Empty values are errors.
  Result<std::optional<Word>> flag(std::string_view name);
  Result<std::vector<Word>> flags(std::string_view name);
  bool has_flag(std::string_view name) const;
  Result<bool> flag_is_set(std::string_view name);  // "--name" or "--name=true"
  // Every flag was asked for, or it is an error that names those there are.
  Result<void> no_more_flags(std::span<const std::string_view> known) const;

  Error fail(std::string_view part, std::string message, std::string hint = {}) const {
    return problems_.at(position(part), std::move(message), std::move(hint));
  }

 private:
  const LogicalLine& line_;
  char escape_;
  Problems& problems_;
  std::string keyword_;
  std::string_view rest_;
  std::vector<Flag> flags_;
};

}  // namespace gantry::dockerfile
