// SPDX-License-Identifier: Apache-2.0
#include "kube/views/json_path.h"

#include <charconv>

#include "base/printable.h"

namespace gantry::kube::views {

class JsonPathParser {
 public:
  explicit JsonPathParser(std::string_view text) : whole_(text), rest_(text) {
    if (rest_.starts_with('{') && rest_.ends_with('}')) rest_ = rest_.substr(1, rest_.size() - 2);
  }

  Result<std::vector<JsonPath::Step>> parse() {
    std::vector<JsonPath::Step> steps;
    (void)take('$');
    if (!rest_.empty() && rest_.front() != '.' && rest_.front() != '[') steps.push_back(TRY(member()));
    while (!rest_.empty()) {
      if (take('[')) {
        steps.push_back(TRY(bracket()));
      } else if (take('.')) {
        if (!rest_.empty() && rest_.front() != '[') steps.push_back(TRY(member()));
      } else {
        return wrong();
      }
    }
    return steps;
  }

 private:
  using Step = JsonPath::Step;

  Error wrong() const {
    return error(Code::InvalidArgument, "'{}' is no path to a column's value", printable(whole_));
  }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void skip_spaces() {
    while (take(' ')) {
    }
  }

  // A backslash takes the meaning from the character behind it ("app\.kubernetes\.io/name").
  Result<std::string> name(std::string_view ends) {
    std::string found;
    while (!rest_.empty() && ends.find(rest_.front()) == std::string_view::npos) {
      if (take('\\') && rest_.empty()) return wrong();
      found += rest_.front();
      rest_.remove_prefix(1);
    }
    if (found.empty()) return wrong();
    return found;
  }

  Result<Step> member() {
    Step step{.name = TRY(name(".[]"))};
    if (step.name == "*") step.kind = Step::Kind::All;
    return step;
  }

  Result<std::string> quoted(char quote) {
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) return wrong();
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }

  Result<Step> bracket() {
    Step step;
    if (take("?(")) {
      step = TRY(filter());
    } else if (take('*')) {
      step.kind = Step::Kind::All;
    } else if (take('\'')) {
      step.name = TRY(quoted('\''));
    } else if (take('"')) {
      step.name = TRY(quoted('"'));
    } else {
      step.kind = Step::Kind::Index;
      const auto [end, failure] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), step.index);
      if (failure != std::errc()) return wrong();
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    }
    if (!take(']')) return wrong();
    return step;
  }

  // Behind "?(": @.type=="Ready")
  Result<Step> filter() {
    Step step{.kind = Step::Kind::Filter};
    skip_spaces();
    if (!take('@')) return wrong();
    while (take('.')) step.operand.push_back(TRY(name(".=!) ")));
    skip_spaces();
    if (take(')')) return step;
    step.is_equal = take("==");
    if (!step.is_equal && !take("!=")) return wrong();
    skip_spaces();
    step.constant = TRY(take('"') ? quoted('"') : take('\'') ? quoted('\'') : name(") "));
    skip_spaces();
    if (!take(')')) return wrong();
    return step;
  }

  std::string_view whole_;
  std::string_view rest_;
};

Result<JsonPath> JsonPath::parse(std::string_view text) {
  JsonPath path;
  path.steps_ = TRY(JsonPathParser(text).parse());
  return path;
}

bool JsonPath::Step::accepts(const json::Value& element) const {
  std::optional<json::Value> found = element;
  for (const std::string& member : operand) {
    found = found->find(member);
    if (!found) return false;
  }
  return !constant || (plain_text(*found) == *constant) == is_equal;
}

std::optional<json::Value> JsonPath::first_of_elements(std::size_t step, const json::Value& list) const {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const json::Value element = list.at(i);
    if (steps_[step].kind == Step::Kind::Filter && !steps_[step].accepts(element)) continue;
    if (auto found = first_from(step + 1, element)) return found;
  }
  return std::nullopt;
}

std::optional<json::Value> JsonPath::first_from(std::size_t step, const json::Value& value) const {
  if (step == steps_.size()) return value;
  switch (steps_[step].kind) {
    case Step::Kind::Member: {
      const auto member = value.find(steps_[step].name);
      return member ? first_from(step + 1, *member) : std::nullopt;
    }
    case Step::Kind::Index: {
      if (value.kind() != json::Kind::Array) return std::nullopt;
      const auto size = static_cast<std::int64_t>(value.size());
      const std::int64_t index = steps_[step].index + (steps_[step].index < 0 ? size : 0);
      if (index < 0 || index >= size) return std::nullopt;
      return first_from(step + 1, value.at(static_cast<std::size_t>(index)));
    }
    case Step::Kind::All:
    case Step::Kind::Filter: return first_of_elements(step, value);
  }
  return std::nullopt;
}

std::string plain_text(const json::Value& value) {
  return value.kind() == json::Kind::String ? std::string(value.as_string()) : value.to_text();
}

}  // namespace gantry::kube::views
