// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/document_format.h"

#include "cli/template.h"

namespace gantry::cli::docker {

Result<std::string> formatted(const json::Value& document, std::string_view format) {
  if (format == "json") return document.to_text() + "\n";
  return TRY(TRY(Template::parse(format)).render(document)) + "\n";
}

std::string text_in(const json::Value& object, std::string_view key) {
  const auto value = object.find(key);
  return value && value->kind() == json::Kind::String ? std::string(value->as_string()) : std::string();
}

std::int64_t number_in(const json::Value& object, std::string_view key) {
  const auto value = object.find(key);
  return value ? value->as_int64().value_or(0) : 0;
}

bool flag_in(const json::Value& object, std::string_view key) {
  const auto value = object.find(key);
  return value && value->kind() == json::Kind::Bool && value->as_bool();
}

std::vector<std::string> words_in(const json::Value& object, std::string_view key) {
  std::vector<std::string> words;
  const auto list = object.find(key);
  for (std::size_t i = 0; list && list->kind() == json::Kind::Array && i < list->size(); ++i)
    words.emplace_back(list->at(i).as_string());
  return words;
}

}  // namespace gantry::cli::docker
