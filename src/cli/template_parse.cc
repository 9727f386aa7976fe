// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/template.h"
#include "cli/template_tree.h"

namespace gantry::cli {
namespace {

using namespace template_tree;

constexpr int kDeepest = 64;  // blocks and parentheses inside of each other

Error bad(std::string_view what, std::string_view text) {
  return error(Code::InvalidArgument, "template parsing error: {} '{}'", what, printable(text));
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string_view trim(std::string_view text, bool front, bool back) {
  while (front && !text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (back && !text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// ---- Inside of an action

class PipelineParser {
 public:
  PipelineParser(std::string_view text, int depth) : all_(text), rest_(text), depth_(depth) {}

  Result<Pipeline> parse() {
    Pipeline pipeline = TRY(pipeline_until('\0'));
    if (!rest_.empty()) return bad("unexpected", rest_);
    return pipeline;
  }

 private:
  Result<Pipeline> pipeline_until(char end) {
    if (++depth_ > kDeepest) return bad("too deep:", all_);
    Pipeline pipeline;
    TRY(read_declaration(pipeline));
    pipeline.commands.emplace_back();
    for (;;) {
      skip_blanks();
      if (rest_.empty() || rest_[0] == ')') break;
      if (take('|')) {
        if (pipeline.commands.back().empty()) return bad("missing value for command in", all_);
        pipeline.commands.emplace_back();
        continue;
      }
      pipeline.commands.back().push_back(TRY(operand()));
    }
    if (pipeline.commands.back().empty()) return bad("missing value for command in", all_);
    if (end != '\0' && !take(end)) return bad("unclosed parenthesis in", all_);
    --depth_;
    return pipeline;
  }

  // "$x :=", "$i, $x :=", "$x ="
  Result<void> read_declaration(Pipeline& pipeline) {
    const std::string_view before = rest_;
    std::vector<std::string> names;
    for (;;) {
      skip_blanks();
      if (!rest_.starts_with('$')) break;
      names.push_back("$" + std::string((rest_.remove_prefix(1), word())));
      skip_blanks();
      if (!take(',')) break;
    }
    const bool declares = rest_.starts_with(":=");
    const bool assigns = rest_.starts_with("=");
    if (names.empty() || (!declares && !assigns)) {
      rest_ = before;  // a variable that is read
      return {};
    }
    rest_.remove_prefix(declares ? 2 : 1);
    pipeline.variables = std::move(names);
    pipeline.declares = declares;
    return {};
  }

  Result<Operand> operand() {
    Operand operand;
    const char first = rest_[0];
    if (first == '.') {
      operand.kind = Operand::Kind::Dot;
      if (rest_.size() == 1 || !is_word(rest_[1])) rest_.remove_prefix(1);
    } else if (first == '$') {
      rest_.remove_prefix(1);
      operand.kind = Operand::Kind::Variable;
      operand.name = "$" + word();
    } else if (first == '(') {
      rest_.remove_prefix(1);
      operand.kind = Operand::Kind::Parenthesis;
      operand.inner = std::make_shared<Pipeline>(TRY(pipeline_until(')')));
    } else if (first == '"' || first == '`') {
      operand.kind = Operand::Kind::Literal;
      operand.literal = TRY(quoted(first));
    } else if ((first >= '0' && first <= '9') || first == '-' || first == '+') {
      operand.kind = Operand::Kind::Literal;
      operand.literal = TRY(number());
    } else if (is_word(first)) {
      TRY(read_word(operand));
    } else {
      return bad("unexpected", rest_.substr(0, 1));
    }
    while (rest_.size() > 1 && rest_[0] == '.' && is_word(rest_[1])) {
      rest_.remove_prefix(1);
      operand.fields.push_back(word());
    }
    return operand;
  }

  Result<void> read_word(Operand& operand) {
    operand.name = word();
    operand.kind = Operand::Kind::Literal;
    if (operand.name == "true" || operand.name == "false")
      operand.literal = operand.name == "true";
    else if (operand.name != "nil")
      operand.kind = Operand::Kind::Function;
    return {};
  }

  Result<std::string> quoted(char mark) {
    std::string text;
    rest_.remove_prefix(1);
    while (!rest_.empty() && rest_[0] != mark) {
      if (mark == '"' && rest_[0] == '\\' && rest_.size() > 1) {
        rest_.remove_prefix(1);
        const char c = rest_[0];
        text += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      } else {
        text += rest_[0];
      }
      rest_.remove_prefix(1);
    }
    if (!take(mark)) return bad("unterminated quoted string in", all_);
    return text;
  }

  Result<double> number() {
    double value = 0;
    const char* begin = rest_.data() + (rest_[0] == '+' ? 1 : 0);
    const auto [end, failed] = std::from_chars(begin, rest_.data() + rest_.size(), value);
    if (failed != std::errc()) return bad("bad number", rest_);
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  std::string word() {
    std::size_t size = 0;
    while (size < rest_.size() && is_word(rest_[size])) ++size;
    const std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  void skip_blanks() { rest_ = trim(rest_, true, false); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view all_, rest_;
  int depth_;
};

// ---- Text and actions

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : rest_(text) {}

  Result<Block> parse() {
    Block block;
    const std::string end = TRY(read_block(block, 0));
    if (!end.empty()) return bad("unexpected", "{{" + end + "}}");
    return block;
  }

 private:
  // Reads up to an action that is not of this block ("end", "else ..."), which is the answer; empty at the
  // end of the text.
  Result<std::string> read_block(Block& block, int depth) {
    if (depth > kDeepest) return bad("too deep:", rest_);
    while (!rest_.empty()) {
      const std::size_t open = rest_.find("{{");
      std::string_view text = rest_.substr(0, open);
      rest_.remove_prefix(open == std::string_view::npos ? rest_.size() : open + 2);
      const bool trims_before =
          open != std::string_view::npos && rest_.size() > 1 && rest_[0] == '-' && is_blank(rest_[1]);
      text = trim(text, trims_next_, trims_before);
      trims_next_ = false;
      if (!text.empty()) block.nodes.push_back({.kind = Node::Kind::Text, .text = std::string(text)});
      if (open == std::string_view::npos) break;
      if (trims_before) rest_.remove_prefix(1);
      const std::string action(TRY(read_action()));
      if (action == "end" || action == "else" || action.starts_with("else ")) return action;
      if (!action.empty()) block.nodes.push_back(TRY(node_of(action, depth)));
    }
    return std::string();
  }

  // Up to its "}}", without blanks at both ends. A comment is empty.
  Result<std::string_view> read_action() {
    if (trim(rest_, true, false).starts_with("/*")) {
      const std::size_t end = rest_.find("*/");
      if (end == std::string_view::npos) return bad("unclosed comment", rest_);
      rest_.remove_prefix(end + 2);
      TRY(take_text_until_close());
      return std::string_view();
    }
    return take_text_until_close();
  }

  Result<std::string_view> take_text_until_close() {
    char quote = '\0';
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (quote != '\0') {
        if (c == '\\' && quote == '"')
          ++i;
        else if (c == quote)
          quote = '\0';
      } else if (c == '"' || c == '`') {
        quote = c;
      } else if (rest_.substr(i).starts_with("}}")) {
        std::string_view action = rest_.substr(0, i);
        rest_.remove_prefix(i + 2);
        trims_next_ = action.size() > 1 && action.back() == '-' && is_blank(action[action.size() - 2]);
        if (trims_next_ || action == "-") action.remove_suffix(1);
        return trim(action, true, true);
      }
    }
    return bad("unclosed action", rest_);
  }

  Result<Node> node_of(std::string_view action, int depth) {
    const std::string_view word = action.substr(0, action.find_first_of(" \t\r\n("));
    const std::string_view behind = action.substr(word.size());
    if (word == "if") return branch(Node::Kind::If, behind, depth);
    if (word == "with") return branch(Node::Kind::With, behind, depth);
    if (word == "range") return branch(Node::Kind::Range, behind, depth);
    if (action == "break") return Node{.kind = Node::Kind::Break};
    if (action == "continue") return Node{.kind = Node::Kind::Continue};
    if (word == "define" || word == "template" || word == "block") return bad("there is no", word);
    Node node{.kind = Node::Kind::Action};
    node.pipeline = TRY(PipelineParser(action, 0).parse());
    return node;
  }

  Result<Node> branch(Node::Kind kind, std::string_view condition, int depth) {
    Node node{.kind = kind};
    node.pipeline = TRY(PipelineParser(condition, 0).parse());
    std::string end = TRY(read_block(node.body, depth + 1));
    if (end.starts_with("else ")) {
      // "else if" is an if inside of else, and shares its end.
      node.otherwise.nodes.push_back(
          TRY(node_of(trim(std::string_view(end).substr(5), true, true), depth + 1)));
      return node;
    }
    if (end == "else") end = TRY(read_block(node.otherwise, depth + 1));
    if (end != "end") return bad("unexpected end of the template in", condition);
    return node;
  }

  std::string_view rest_;
  bool trims_next_ = false;
};

}  // namespace

Template::Template(std::unique_ptr<Block> root) : root_(std::move(root)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::parse(std::string_view text) {
  return Template(std::make_unique<Block>(TRY(TemplateParser(text).parse())));
}

}  // namespace gantry::cli
