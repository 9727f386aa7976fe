// SPDX-License-Identifier: Apache-2.0
#include "base/options.h"

#include <algorithm>
#include <charconv>
#include <ranges>

#include <fmt/format.h>

#include "base/printable.h"

namespace gantry {
namespace {

bool is_flag(const Option& option) { return std::holds_alternative<bool*>(option.target); }

template <class Integer>
Result<Integer> parse_number(std::string_view option, std::string_view text) {
  Integer number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size())
    return error(Code::InvalidArgument, "option '{}' needs a whole number, not '{}'", option,
                 printable(text));
  return number;
}

Result<bool> parse_truth(std::string_view option, std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return error(Code::InvalidArgument, "option '{}' is either true or false, not '{}'", option,
               printable(text));
}

Result<void> store(const Option& option, std::string_view spelled, std::string_view value) {
  if (option.accepts != nullptr && !option.accepts(value))
    return error(Code::InvalidArgument, "option '{}' needs {}, not '{}'", spelled, option.argument,
                 printable(value));
  if (auto* text = std::get_if<std::string*>(&option.target)) {
    **text = value;
  } else if (auto* list = std::get_if<std::vector<std::string>*>(&option.target)) {
    (*list)->emplace_back(value);
  } else if (auto* small = std::get_if<int*>(&option.target)) {
    **small = TRY(parse_number<int>(spelled, value));
  } else if (auto* number = std::get_if<std::optional<std::int64_t>*>(&option.target)) {
    **number = TRY(parse_number<std::int64_t>(spelled, value));
  } else if (auto* flag = std::get_if<bool*>(&option.target)) {
    **flag = TRY(parse_truth(spelled, value));
  }
  return {};
}

class Parser {
 public:
  Parser(std::span<const Option> options, std::span<const std::string> arguments)
      : options_(options), arguments_(arguments) {}

  Result<std::vector<std::string>> parse(Operands operands) {
    std::vector<std::string> rest;
    while (next_ < arguments_.size()) {
      const std::string_view argument = arguments_[next_];
      if (argument == "--") {
        ++next_;
        break;
      }
      if (argument.size() < 2 || argument[0] != '-') {
        if (operands == Operands::EndTheOptions) break;
        rest.emplace_back(argument);
        ++next_;
        continue;
      }
      ++next_;
      TRY(parse_option(argument));
    }
    rest.insert(rest.end(), arguments_.begin() + static_cast<std::ptrdiff_t>(next_), arguments_.end());
    return rest;
  }

 private:
  const Option* find(std::string_view name) const {
    const auto found = std::ranges::find(options_, name, &Option::name);
    return found == options_.end() ? nullptr : &*found;
  }
  const Option* find(char letter) const {
    const auto found = std::ranges::find(options_, letter, &Option::letter);
    return found == options_.end() ? nullptr : &*found;
  }

  Result<void> parse_option(std::string_view argument) {
    const std::string_view body = argument.substr(argument.starts_with("--") ? 2 : 1);
    const std::size_t equals = body.find('=');
    const std::string_view name = body.substr(0, equals);
    const auto value =
        equals == std::string_view::npos ? std::nullopt : std::optional(body.substr(equals + 1));
    if (const Option* option = find(name))
      return take(*option, argument.substr(0, argument.find('=')), value);
    if (argument.starts_with("--"))
      return error(Code::InvalidArgument, "unknown option '--{}'", printable(name));
    return parse_letters(body);
  }

  Result<void> parse_letters(std::string_view letters) {
    while (!letters.empty()) {
      const Option* option = letters[0] == '\0' ? nullptr : find(letters[0]);
      if (option == nullptr)
        return error(Code::InvalidArgument, "unknown option '-{}'", printable(letters.substr(0, 1)));
      const std::string spelled = fmt::format("-{}", letters[0]);
      letters.remove_prefix(1);
      if (letters.starts_with('=')) return take(*option, spelled, letters.substr(1));
      if (!is_flag(*option))
        return take(*option, spelled, letters.empty() ? std::nullopt : std::optional(letters));
      TRY(take(*option, spelled, std::nullopt));
    }
    return {};
  }

  Result<void> take(const Option& option, std::string_view spelled, std::optional<std::string_view> value) {
    if (value) return store(option, spelled, *value);
    if (is_flag(option)) return store(option, spelled, "true");
    if (next_ == arguments_.size()) return error(Code::InvalidArgument, "option '{}' needs a value", spelled);
    return store(option, spelled, arguments_[next_++]);
  }

  std::span<const Option> options_;
  std::span<const std::string> arguments_;
  std::size_t next_ = 0;
};

std::string spelling(const Option& option) {
  std::string text = option.letter != 0 ? fmt::format("-{}, ", option.letter) : "    ";
  text += fmt::format("--{}", option.name);
  if (!option.argument.empty()) text += fmt::format(" {}", option.argument);
  return text;
}

}  // namespace

Result<std::vector<std::string>> parse_options(std::span<const Option> options,
                                               std::span<const std::string> arguments, Operands operands) {
  return Parser(options, arguments).parse(operands);
}

std::string describe_options(std::span<const Option> options) {
  std::size_t width = 0;
  std::string text;
  const auto is_shown = [](const Option& option) { return !option.help.empty(); };
  for (const Option& option : options | std::views::filter(is_shown))
    width = std::max(width, spelling(option).size());
  for (const Option& option : options | std::views::filter(is_shown))
    text += fmt::format("  {:<{}}  {}\n", spelling(option), width, option.help);
  return text;
}

}  // namespace gantry
