// SPDX-License-Identifier: Apache-2.0
#include "oci/distribution/error_document.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/json.h"
#include "base/printable.h"

namespace gantry::oci {
namespace {

struct Row {
  std::string_view name;
  int status;
};

constexpr auto kRows = std::to_array<Row>({
    {"BLOB_UNKNOWN", 404},
    {"BLOB_UPLOAD_INVALID", 400},
    {"BLOB_UPLOAD_UNKNOWN", 404},
    {"DIGEST_INVALID", 400},
    {"MANIFEST_BLOB_UNKNOWN", 404},
    {"MANIFEST_INVALID", 400},
    {"MANIFEST_UNKNOWN", 404},
    {"NAME_INVALID", 400},
    {"NAME_UNKNOWN", 404},
    {"SIZE_INVALID", 400},
    {"TAG_INVALID", 400},
    {"UNAUTHORIZED", 401},
    {"DENIED", 403},
    {"UNSUPPORTED", 405},
    {"TOOMANYREQUESTS", 429},
    {"RANGE_INVALID", 416},
    {"PAGINATION_NUMBER_INVALID", 400},
    {"UNAVAILABLE", 503},
    {"UNKNOWN", 500},
});
static_assert(kRows.size() == static_cast<std::size_t>(RegistryErrorCode::Unknown) + 1);

const Row& row_of(RegistryErrorCode code) { return kRows[static_cast<std::size_t>(code)]; }

std::string text_of(const json::Value& object, std::string_view key) {
  const std::optional<json::Value> value = object.find(key);
  return value ? std::string(value->as_string()) : std::string();
}

}  // namespace

std::string_view name_of(RegistryErrorCode code) { return row_of(code).name; }
int http_status(RegistryErrorCode code) { return row_of(code).status; }

std::vector<RegistryError> parse_registry_errors(std::string_view body) {
  constexpr std::size_t kMost = 16;  // that anybody would read
  const Result<json::Document> document =
      json::Document::parse(std::string(body), {.bytes = kMaxErrorDocumentBytes});
  if (!document || document->root().kind() != json::Kind::Object) return {};
  const json::Value root = document->root();

  std::vector<RegistryError> errors;
  if (const std::optional<json::Value> list = root.find("errors");
      list && list->kind() == json::Kind::Array) {
    for (std::size_t i = 0; i < std::min(list->size(), kMost); ++i) {
      const json::Value one = list->at(i);
      if (one.kind() != json::Kind::Object) continue;
      const std::optional<json::Value> detail = one.find("detail");
      errors.push_back({.code = text_of(one, "code"),
                        .message = text_of(one, "message"),
                        .detail = detail && !detail->is_null() ? detail->to_text() : std::string()});
    }
    return errors;
  }
  // What token servers say: OAuth2's words (RFC 6749, section 5.2), and those of Docker's hub.
  RegistryError error{.code = text_of(root, "error")};
  for (const std::string_view key : {"error_description", "message", "details"})
    if (error.message.empty()) error.message = text_of(root, key);
  if (!error.code.empty() || !error.message.empty()) errors.push_back(std::move(error));
  return errors;
}

std::string describe(const std::vector<RegistryError>& errors) {
  constexpr std::size_t kLongest = 300;  // bytes
  std::string text;
  for (const RegistryError& error : errors) {
    if (!text.empty()) text += "; ";
    const std::string message = printable(error.message, kLongest);
    const std::string code = printable(error.code);
    if (message.empty())
      text += code;
    else if (code.empty())
      text += message;
    else
      text += fmt::format("{} ({})", message, code);
  }
  return text;
}

std::string error_document(RegistryErrorCode code, std::string_view message, std::string_view detail_json) {
  json::Writer writer;
  writer.begin_object().key("errors").begin_array().begin_object();
  writer.key("code").value(name_of(code)).key("message").value(message);
  if (!detail_json.empty()) writer.key("detail").raw(detail_json);
  writer.end_object().end_array().end_object();
  return std::move(writer).text();
}

}  // namespace gantry::oci
