// SPDX-License-Identifier: Apache-2.0
//
// `--format` of verbs that show one document: json, or a template.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/options.h"

namespace gantry::cli::docker {

struct DocumentFormat {
  std::string format;
  std::vector<Option> table() {
    return {{'f', "format", "FORMAT", &format, "json, or a template: '{{.ServerVersion}}'"}};
  }
};

// With its newline. For a format that is not empty.
Result<std::string> formatted(const json::Value& document, std::string_view format);

// ---- what stands in a document; empty, 0, false where it does not

std::string text_in(const json::Value& object, std::string_view key);
std::int64_t number_in(const json::Value& object, std::string_view key);
bool flag_in(const json::Value& object, std::string_view key);
std::vector<std::string> words_in(const json::Value& object, std::string_view key);

}  // namespace gantry::cli::docker
