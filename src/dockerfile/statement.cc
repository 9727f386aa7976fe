// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/statement.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "base/trim.h"
#include "dockerfile/spelling.h"
#include "dockerfile/values.h"

namespace gantry::dockerfile {

Error Problems::at(Position at, std::string message, std::string hint) const {
  if (diagnostic_ != nullptr) *diagnostic_ = {at, message, hint};
  return error(Code::InvalidArgument, "{}:{}:{}: {}{}{}", file_name_, at.line, at.column, message,
               hint.empty() ? "" : "; ", hint);
}

Statement::Statement(const LogicalLine& line, char escape, Problems& problems)
    : line_(line), escape_(escape), problems_(problems) {
  const std::string_view text = line.text();
  const auto end = std::ranges::find_if(text, is_space);
  const std::string_view word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  for (const char c : word) keyword_ += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  rest_ = trimmed(text.substr(word.size()));
  if (rest_.empty()) rest_ = text.substr(text.size());
}

Position Statement::position(std::string_view part) const {
  return line_.position(static_cast<std::size_t>(part.data() - line_.text().data()));
}

void Statement::read_flags() {
  while (rest_.starts_with("--")) {
    const std::string_view word = split_words(rest_, escape_).front().text;
    rest_ = trimmed_left(rest_.substr(word.size()));
    if (word == "--") return;
    const std::size_t equals = word.find('=');
    Flag flag{.name = word.substr(2, equals == word.npos ? word.npos : equals - 2), .at = position(word)};
    if (equals != word.npos) flag.value = this->word(word.substr(equals + 1));
    flags_.push_back(std::move(flag));
  }
}

Result<std::vector<Word>> Statement::flags(std::string_view name) {
  std::vector<Word> values;
  for (Flag& flag : flags_) {
    if (flag.name != name) continue;
    flag.is_used = true;
    if (!flag.value || flag.value->is_empty())
      return problems_.at(flag.at, fmt::format("--{} needs a value", name),
                          fmt::format("write --{}=VALUE", name));
    values.push_back(*flag.value);
  }
  return values;
}

Result<std::optional<Word>> Statement::flag(std::string_view name) {
  std::vector<Word> values = TRY(flags(name));
  if (values.size() > 1) return problems_.at(values[1].at, fmt::format("--{} is given twice", name));
  return values.empty() ? std::nullopt : std::optional(std::move(values[0]));
}

bool Statement::has_flag(std::string_view name) const {
  return std::ranges::find(flags_, name, &Flag::name) != flags_.end();
}

Result<bool> Statement::flag_is_set(std::string_view name) {
  bool is_set = false;
  for (Flag& flag : flags_) {
    if (flag.name != name) continue;
    flag.is_used = true;
    const auto value = flag.value ? parse_bool(flag.value->text) : std::optional(true);
    if (!value)
      return problems_.at(
          flag.at, fmt::format("--{} is either true or false, not '{}'", name, printable(flag.value->text)));
    is_set = *value;
  }
  return is_set;
}

Result<void> Statement::no_more_flags(std::span<const std::string_view> known) const {
  for (const Flag& flag : flags_) {
    if (flag.is_used) continue;
    const std::string_view meant = nearest(flag.name, known);
    std::string hint = known.empty() ? fmt::format("{} has no flags", keyword_)
                                     : fmt::format("{} has --{}", keyword_, fmt::join(known, ", --"));
    if (!meant.empty()) hint = fmt::format("did you mean --{}?", meant);
    return problems_.at(flag.at, fmt::format("unknown flag --{}", printable(flag.name)), std::move(hint));
  }
  return {};
}

}  // namespace gantry::dockerfile
