// SPDX-License-Identifier: Apache-2.0
//
// What the parts of lint() share.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dockerfile/dockerfile.h"
#include "dockerfile/lint.h"

namespace gantry::dockerfile {

class Notes {
 public:
  explicit Notes(std::vector<Warning> warnings) : warnings_(std::move(warnings)) {}
  // `rule` is a literal.
  void add(const Instruction& where, std::string_view rule, std::string sentence) {
    if (!is_full()) warnings_.push_back({where.at, std::move(sentence), rule});
  }
  // Nobody reads so many.
  bool is_full() const { return warnings_.size() >= kMost; }
  std::vector<Warning> take() && { return std::move(warnings_); }

 private:
  static constexpr std::size_t kMost = 500;
  std::vector<Warning> warnings_;
};

// Variables that nobody defines, and names of images that are none without build arguments.
void check_variables(const Dockerfile& file, const LintOptions& options, Notes& notes);

}  // namespace gantry::dockerfile
