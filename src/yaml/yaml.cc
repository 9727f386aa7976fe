// SPDX-License-Identifier: Apache-2.0
//
// The border of yaml-cpp, which throws: nothing it throws leaves this file.
#include "yaml/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <sstream>

#include "base/json.h"
#include "base/printable.h"

namespace gantry::yaml {
namespace {

// Thrown and caught in here, where exceptions are the library's way.
struct Refused {
  YAML::Mark mark;
  std::string why;
};

Error refusal(const YAML::Mark& mark, std::string_view why) {
  if (mark.is_null()) return error(Code::InvalidArgument, "{}", why);
  return error(Code::InvalidArgument, "line {}, column {}: {}", mark.line + 1, mark.column + 1, why);
}

// JSON is UTF-8, and other bytes would make two keys one.
const std::string& text_of(const YAML::Node& node) {
  std::string_view rest = node.Scalar();
  while (!rest.empty()) {
    const std::size_t length = utf8_length(rest);
    if (length == 0) throw Refused{node.Mark(), "bytes that are not UTF-8"};
    rest.remove_prefix(length);
  }
  return node.Scalar();
}

bool is_integer(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_float(std::string_view text) {
  if (text.find_first_of("0123456789") == std::string_view::npos ||
      text.find_first_not_of("0123456789+-.eE") != std::string_view::npos)
    return false;
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && end == text.data() + text.size();
}

// yaml-cpp stays for ever at some tokens that begin no document (a comma, for one) and finds an empty
// document there again and again; so each has to begin behind the one before.
class Progress final : public YAML::EventHandler {
 public:
  static void check(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Progress progress;
    int last = -1;
    while (parser.HandleNextDocument(progress)) {
      if (progress.mark_.pos <= last) throw Refused{progress.mark_, "no document can begin here"};
      last = progress.mark_.pos;
    }
  }

 private:
  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}

  YAML::Mark mark_;
};

class Converter {
 public:
  explicit Converter(const Limits& limits) : limits_(limits) {}

  std::string convert(const YAML::Node& node) {
    write(node, 0);
    return std::move(writer_).text();
  }

 private:
  void write(const YAML::Node& node, std::size_t depth) {
    if (depth > limits_.max_depth) throw Refused{node.Mark(), "nested too deeply"};
    // Counted as it grows, since what an anchor stands for is written as often as it is named.
    written_ += 2;
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null: writer_.null(); break;
      case YAML::NodeType::Scalar: write_scalar(node); break;
      case YAML::NodeType::Sequence:
        writer_.begin_array();
        for (const YAML::Node& element : node) write(element, depth + 1);
        writer_.end_array();
        break;
      case YAML::NodeType::Map: write_map(node, depth); break;
    }
    if (written_ > limits_.max_json) throw Refused{node.Mark(), "becomes too large"};
  }

  void write_map(const YAML::Node& node, std::size_t depth) {
    std::set<std::string> keys;
    writer_.begin_object();
    for (const auto& entry : node) {
      const YAML::Node& key = entry.first;
      if (!key.IsScalar()) throw Refused{key.Mark(), "a key of a map has to be text"};
      if (!keys.insert(text_of(key)).second)
        throw Refused{key.Mark(), "the key '" + key.Scalar() + "' is there twice"};
      written_ += key.Scalar().size();
      writer_.key(key.Scalar());
      write(entry.second, depth + 1);
    }
    writer_.end_object();
  }

  void write_scalar(const YAML::Node& node) {
    const std::string& text = text_of(node);
    written_ += text.size();
    // yaml-cpp marks what stood in quotes, and blocks, with "!".
    const bool is_plain = node.Tag() == "?" || node.Tag().empty();
    if (!is_plain) {
      writer_.value(text);
    } else if (text == "true" || text == "True" || text == "TRUE") {
      writer_.value(true);
    } else if (text == "false" || text == "False" || text == "FALSE") {
      writer_.value(false);
    } else if (text == "~" || text == "null" || text == "Null" || text == "NULL" || text.empty()) {
      writer_.null();
    } else if (std::int64_t number = 0; is_integer(text) && parse(text, number)) {
      writer_.value(number);
    } else if (double fraction = 0; is_float(text) && parse(text, fraction)) {
      writer_.value(fraction);
    } else {
      writer_.value(text);
    }
  }

  template <class Number>
  static bool parse(std::string_view text, Number& number) {
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failed == std::errc() && end == text.data() + text.size();
  }

  const Limits& limits_;
  json::Writer writer_;
  std::size_t written_ = 0;  // about
};

// What every reader of YAML, 1.1 or 1.2, takes for text without quotes.
bool is_text_for_all(std::string_view text) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr std::array<std::string_view, 9> kWords = {"true", "false", "yes", "no", "on",
                                                      "off",  "null",  "y",   "n"};
  if (text.empty() || kLetters.find(text.front()) == std::string_view::npos) return false;
  for (const char c : text)
    if (kLetters.find(c) == std::string_view::npos &&
        std::string_view("0123456789_-./").find(c) == std::string_view::npos)
      return false;
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return std::ranges::find(kWords, lower) == kWords.end();
}

void emit_text(YAML::Emitter& out, std::string_view text) {
  out << (is_text_for_all(text) ? YAML::Auto : YAML::DoubleQuoted) << std::string(text);
}

void emit(YAML::Emitter& out, const json::Value& value) {
  switch (value.kind()) {
    case json::Kind::String: emit_text(out, value.as_string()); break;
    case json::Kind::Array:
      out << (value.size() == 0 ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
      for (std::size_t i = 0; i < value.size(); ++i) emit(out, value.at(i));
      out << YAML::EndSeq;
      break;
    case json::Kind::Object:
      out << (value.size() == 0 ? YAML::Flow : YAML::Block) << YAML::BeginMap;
      for (std::size_t i = 0; i < value.size(); ++i) {
        out << YAML::Key;
        emit_text(out, value.key(i));
        out << YAML::Value;
        emit(out, value.at(i));
      }
      out << YAML::EndMap;
      break;
    case json::Kind::Null: out << YAML::Null; break;
    default: out << value.to_text();  // JSON's words and numbers are YAML's
  }
}

}  // namespace

Result<std::string> from_json(std::string_view text) {
  const auto document = TRY(json::Document::parse(std::string(text)));
  try {
    YAML::Emitter out;
    emit(out, document.root());
    return std::string(out.c_str(), out.size()) + "\n";
  } catch (const YAML::Exception& exception) {
    return refusal(exception.mark, exception.msg);
  }
}

Result<std::vector<std::string>> documents_to_json(std::string_view text, const Limits& limits) {
  try {
    std::vector<std::string> documents;
    const std::string whole(text);
    Progress::check(whole);
    for (const YAML::Node& node : YAML::LoadAll(whole))
      if (node.IsDefined() && !node.IsNull()) documents.push_back(Converter(limits).convert(node));
    return documents;
  } catch (const Refused& refused) {
    return refusal(refused.mark, refused.why);
  } catch (const YAML::Exception& exception) {
    return refusal(exception.mark, exception.msg);
  }
}

Result<std::string> to_json(std::string_view text, const Limits& limits) {
  std::vector<std::string> documents = TRY(documents_to_json(text, limits));
  if (documents.size() != 1)
    return error(Code::InvalidArgument, "there are {} documents, not one", documents.size());
  return std::move(documents.front());
}

}  // namespace gantry::yaml
