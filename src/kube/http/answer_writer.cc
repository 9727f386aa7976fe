// SPDX-License-Identifier: Apache-2.0
#include "kube/http/answer_writer.h"

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "kube/api/list_meta.h"
#include "kube/protobuf/envelope.h"
#include "kube/views/partial_object.h"
#include "yaml/yaml.h"

namespace gantry::kube {
namespace {

constexpr std::size_t kGathered = 32 << 10;  // bytes

// Of all warnings of an answer, in bytes and in number: clients read heads of a limited size, Python's one of
// a hundred fields. Where they are more than that, each is cut.
constexpr std::size_t kAllWarnings = 4096;
constexpr std::size_t kMostWarnings = 64;
constexpr std::size_t kCutWarning = 256;

ListMeta meta_of(const ApiList& list) {
  ListMeta meta{.resource_version = std::to_string(list.revision), .continue_token = list.continue_token};
  if (list.remaining) meta.remaining_items = static_cast<std::int64_t>(*list.remaining);
  return meta;
}

// ---- Lists that are not plain JSON

Result<std::vector<SharedBytes>> protobuf_list(const ApiList& list, const AnswerForm& form) {
  protobuf::ListEncoder encoder(list.api_version, list.kind, *form.type);
  encoder.set_metadata(meta_of(list));
  for (const SharedBytes& item : list.items) {
    const auto document = TRY(json::Document::parse(std::string(item.view())));
    TRY(encoder.add(document.root()));
  }
  auto body = std::move(encoder).finish();
  return std::vector<SharedBytes>{SharedBytes(body.head), SharedBytes(body.rest)};
}

template <class Writer>
Result<std::vector<SharedBytes>> list_by(Writer writer, const ApiList& list) {
  for (const SharedBytes& item : list.items) TRY(writer.add(item.view()));
  return std::vector<SharedBytes>{SharedBytes(std::move(writer).finish())};
}

views::TableWriter table_of(const AnswerForm& form, const ListMeta& meta, bool with_columns) {
  views::TableWriter table(form.resource, form.included, ::time(nullptr));
  table.begin(meta, with_columns);
  return table;
}

Result<std::vector<SharedBytes>> as_yaml(std::span<const SharedBytes> pieces) {
  std::string json;
  for (const SharedBytes& piece : pieces) json += piece.view();
  return std::vector<SharedBytes>{SharedBytes(TRY(yaml::from_json(json)))};
}

Result<std::vector<SharedBytes>> pieces_of(const ApiAnswer& answer, const ApiList& list,
                                           const AnswerForm& form) {
  if (form.wanted.encoding == Encoding::Protobuf) return protobuf_list(list, form);
  std::vector<SharedBytes> pieces;
  switch (form.wanted.shape) {
    case Shape::Whole: pieces = json_of(answer); break;
    case Shape::Table: pieces = TRY(list_by(table_of(form, meta_of(list), true), list)); break;
    case Shape::Metadata: pieces = TRY(list_by(views::PartialObjectList(meta_of(list)), list)); break;
  }
  return form.wanted.encoding == Encoding::Yaml ? as_yaml(pieces) : pieces;
}

Result<std::vector<SharedBytes>> pieces_of(const ApiAnswer& answer, const AnswerForm& form) {
  if (const auto* list = std::get_if<ApiList>(&answer.content)) return pieces_of(answer, *list, form);
  std::vector<SharedBytes> pieces{TRY(reshape(std::get<SharedBytes>(answer.content), form))};
  return form.wanted.encoding == Encoding::Yaml ? as_yaml(pieces) : pieces;
}

// The text of a Warning field (RFC 7234 section 5.5).
std::string warning_text(std::string_view warning) {
  std::string text = "299 - \"";
  for (const char c : warning) {
    if (c == '"' || c == '\\') text += '\\';
    text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return text + "\"";
}

// As many whole characters as fit.
std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

// What an object's apiVersion and kind are: they stand first.
struct Named {
  std::string api_version, kind;
};
Named named(const json::Value& object) {
  const auto text = [&](std::string_view key) {
    const auto found = object.find(key);
    return std::string(found ? found->as_string() : "");
  };
  return {text("apiVersion"), text("kind")};
}

}  // namespace

void add_warning(http::ResponseWriter& response, std::string_view warning) {
  response.headers.add("Warning", warning_text(cut(warning, kCutWarning)));
}

Result<void> write_pieces(http::ResponseWriter& response, int code, std::span<const SharedBytes> pieces) {
  if (pieces.size() == 1) return response.send(code, pieces.front().view());
  std::uint64_t length = 0;
  for (const SharedBytes& piece : pieces) length += piece.size();
  TRY(response.start(code, length));
  std::string gathered;
  const auto flush = [&] {
    Result<void> written = gathered.empty() ? Result<void>() : response.write(gathered);
    gathered.clear();
    return written;
  };
  for (const SharedBytes& piece : pieces) {
    if (gathered.size() + piece.size() > kGathered) TRY(flush());
    if (piece.size() < kGathered)
      gathered += piece.view();
    else
      TRY(response.write(piece.view()));
  }
  return flush();
}

Result<void> write_status(http::ResponseWriter& response, const Status& status) {
  response.headers.set("Content-Type", "application/json");
  if (status->code == 401) response.headers.set("WWW-Authenticate", "Bearer");
  if (status->retry_after_seconds > 0)
    response.headers.set("Retry-After", std::to_string(status->retry_after_seconds));
  return response.send(status->code, status.to_tree().to_text() + "\n");
}

void add_warnings(http::HeaderMap& headers, std::span<const std::string> warnings) {
  std::size_t size = 0;
  for (const std::string& warning : warnings) size += warning.size();
  const std::size_t most = size > kAllWarnings ? kCutWarning : kAllWarnings;
  std::size_t written = 0;
  for (const std::string& warning : warnings.first(std::min(warnings.size(), kMostWarnings))) {
    if (written >= kAllWarnings) return;
    const std::string_view text = cut(warning, most);
    headers.add("Warning", warning_text(text));
    written += text.size();
  }
}

Result<SharedBytes> reshape(const SharedBytes& object, const AnswerForm& form, bool with_columns) {
  if (form.wanted.encoding == Encoding::Protobuf) {
    const auto document = TRY(json::Document::parse(std::string(object.view())));
    const Named name = named(document.root());
    return SharedBytes(
        TRY(protobuf::encode_object(name.api_version, name.kind, *form.type, document.root())));
  }
  if (form.wanted.shape == Shape::Metadata) return SharedBytes(TRY(views::partial_object(object.view())));
  if (form.wanted.shape == Shape::Whole) return object;
  const auto document = TRY(json::Document::parse(std::string(object.view())));
  const auto metadata = document.root().find("metadata");
  const auto revision = metadata ? metadata->find("resourceVersion") : std::nullopt;
  views::TableWriter table =
      table_of(form, {.resource_version = std::string(revision ? revision->as_string() : "")}, with_columns);
  TRY(table.add(object.view()));
  return SharedBytes(std::move(table).finish());
}

Answer<void> write_answer(http::ResponseWriter& response, const ApiAnswer& answer, const AnswerForm& form) {
  auto pieces = pieces_of(answer, form);
  if (!pieces)
    return internal_error(
        fmt::format("the object cannot be shown in this form: {}", pieces.error().message()));
  response.headers.set("Content-Type", std::string(content_type_of(form.wanted.encoding, false)));
  add_warnings(response.headers, answer.warnings);
  return write_pieces(response, answer.code, *pieces);
}

}  // namespace gantry::kube
