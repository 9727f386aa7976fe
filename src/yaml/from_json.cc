// SPDX-License-Identifier: Apache-2.0
//
// With to_json.cc the border of yaml-cpp, which throws: nothing it throws leaves these files.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "yaml/refusal.h"
#include "yaml/yaml.h"

namespace gantry::yaml {
namespace {

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

}  // namespace gantry::yaml
