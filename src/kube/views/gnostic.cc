// SPDX-License-Identifier: Apache-2.0
#include "kube/views/gnostic.h"

#include "base/json.h"
#include "kube/protobuf/wire.h"
#include "kube/views/value_access.h"

namespace gantry::kube::views {
namespace {

using json::Value;
using protobuf::WireWriter;

// The numbers of fields, by message.
namespace document {
constexpr std::uint32_t kSwagger = 1, kInfo = 2, kPaths = 8, kDefinitions = 9;
}
namespace info {
constexpr std::uint32_t kTitle = 1, kVersion = 2;
}
namespace named {
constexpr std::uint32_t kName = 1, kValue = 2;
}
namespace any {
constexpr std::uint32_t kYaml = 2;
}
namespace schema {
constexpr std::uint32_t kReference = 1, kFormat = 2, kDescription = 4, kDefault = 5, kRequired = 19,
                        kEnum = 20, kAdditionalProperties = 21, kType = 22, kItems = 23, kProperties = 25,
                        kExtension = 31;
}
namespace paths {
constexpr std::uint32_t kPath = 2;
}
namespace path_item {
constexpr std::uint32_t kGet = 2, kPut = 3, kPost = 4, kDelete = 5, kPatch = 8, kParameters = 9;
}
namespace operation {
constexpr std::uint32_t kTags = 1, kDescription = 3, kId = 5, kProduces = 6, kConsumes = 7, kParameters = 8,
                        kResponses = 9, kExtension = 13;
}
// A parameter that is not the body: of all places it may have, these two are used; their fields are alike but
// for "allow_empty_value", which only the query's have.
namespace parameter {
constexpr std::uint32_t kBody = 1, kOther = 2, kQuery = 3, kPath = 4;
constexpr std::uint32_t kRequired = 1, kIn = 2, kDescription = 3, kName = 4, kQueryType = 6, kPathType = 5;
}  // namespace parameter
namespace body_parameter {
constexpr std::uint32_t kName = 2, kIn = 3, kRequired = 4, kSchema = 5;
}
namespace response {
constexpr std::uint32_t kDescription = 1, kSchema = 2;
}
// The only, or the first, field of messages that stand for a choice or a list.
constexpr std::uint32_t kFirst = 1;

// Part of the document is what other API servers say: anything may be missing, or be something else.
class GnosticWriter {
 public:
  std::string write(const Value& root) {
    text(root, "swagger", document::kSwagger);
    message(document::kInfo, [&] {
      const auto about = at(root, "info");
      if (!about) return;
      text(*about, "title", info::kTitle);
      text(*about, "version", info::kVersion);
    });
    message(document::kPaths, [&] {
      named_members(at(root, "paths"), paths::kPath, [&](const Value& path) { write_path(path); });
    });
    message(document::kDefinitions, [&] { write_named_schemas(at(root, "definitions")); });
    return std::move(writer_).message();
  }

 private:
  template <class Write>
  void message(std::uint32_t field, Write&& write) {
    const std::size_t mark = writer_.begin();
    write();
    writer_.end(field, mark);
  }

  void text(const Value& object, std::string_view key, std::uint32_t field) {
    if (const auto value = at(object, key)) writer_.bytes(field, value->as_string());
  }
  void texts(const Value& object, std::string_view key, std::uint32_t field) {
    for_each(at(object, key), [&](const Value& value) { writer_.bytes(field, value.as_string()); });
  }

  template <class Write>
  void named_members(const std::optional<Value>& object, std::uint32_t field, Write&& write) {
    if (!object || object->kind() != json::Kind::Object) return;
    for (std::size_t i = 0; i < object->size(); ++i)
      message(field, [&] {
        writer_.bytes(named::kName, object->key(i));
        message(named::kValue, [&] { write(object->at(i)); });
      });
  }

  // JSON is YAML.
  void write_any(const Value& value) { writer_.bytes(any::kYaml, value.to_text() + "\n"); }

  void write_extensions(const Value& object, std::uint32_t field) {
    if (object.kind() != json::Kind::Object) return;
    for (std::size_t i = 0; i < object.size(); ++i) {
      if (!object.key(i).starts_with("x-")) continue;
      message(field, [&] {
        writer_.bytes(named::kName, object.key(i));
        message(named::kValue, [&] { write_any(object.at(i)); });
      });
    }
  }

  void write_named_schemas(const std::optional<Value>& schemas) {
    named_members(schemas, kFirst, [&](const Value& schema) { write_schema(schema); });
  }

  void write_schema(const Value& value) {
    text(value, "$ref", schema::kReference);
    text(value, "format", schema::kFormat);
    text(value, "description", schema::kDescription);
    if (const auto fallback = at(value, "default")) message(schema::kDefault, [&] { write_any(*fallback); });
    texts(value, "required", schema::kRequired);
    for_each(at(value, "enum"), [&](const Value& word) { message(schema::kEnum, [&] { write_any(word); }); });
    if (const auto element = at(value, "additionalProperties"))
      message(schema::kAdditionalProperties, [&] { message(kFirst, [&] { write_schema(*element); }); });
    if (at(value, "type")) message(schema::kType, [&] { text(value, "type", kFirst); });
    if (const auto items = at(value, "items"))
      message(schema::kItems, [&] { message(kFirst, [&] { write_schema(*items); }); });
    if (const auto properties = at(value, "properties"))
      message(schema::kProperties, [&] { write_named_schemas(properties); });
    write_extensions(value, schema::kExtension);
  }

  void write_path(const Value& path) {
    constexpr std::pair<std::string_view, std::uint32_t> kMethods[] = {{"get", path_item::kGet},
                                                                       {"put", path_item::kPut},
                                                                       {"post", path_item::kPost},
                                                                       {"delete", path_item::kDelete},
                                                                       {"patch", path_item::kPatch}};
    for (const auto& [method, field] : kMethods)
      if (const auto operation = at(path, method)) message(field, [&] { write_operation(*operation); });
    write_parameters(path, path_item::kParameters);
  }

  void write_operation(const Value& value) {
    texts(value, "tags", operation::kTags);
    text(value, "description", operation::kDescription);
    text(value, "operationId", operation::kId);
    texts(value, "produces", operation::kProduces);
    texts(value, "consumes", operation::kConsumes);
    write_parameters(value, operation::kParameters);
    message(operation::kResponses, [&] {
      named_members(at(value, "responses"), kFirst,
                    [&](const Value& response) { message(kFirst, [&] { write_response(response); }); });
    });
    write_extensions(value, operation::kExtension);
  }

  void write_response(const Value& value) {
    text(value, "description", response::kDescription);
    if (const auto schema = at(value, "schema"))
      message(response::kSchema, [&] { message(kFirst, [&] { write_schema(*schema); }); });
  }

  void write_parameters(const Value& object, std::uint32_t field) {
    for_each(at(object, "parameters"), [&](const Value& value) {
      message(field, [&] { message(kFirst, [&] { write_parameter(value); }); });
    });
  }

  void write_parameter(const Value& value) {
    const std::string_view place = text_at(value, "in");
    if (place == "body") return message(parameter::kBody, [&] { write_body_parameter(value); });
    const bool is_query = place == "query";
    message(parameter::kOther, [&] {
      message(is_query ? parameter::kQuery : parameter::kPath, [&] {
        if (is_true_at(value, "required")) writer_.varint(parameter::kRequired, 1);
        text(value, "in", parameter::kIn);
        text(value, "description", parameter::kDescription);
        text(value, "name", parameter::kName);
        text(value, "type", is_query ? parameter::kQueryType : parameter::kPathType);
      });
    });
  }

  void write_body_parameter(const Value& value) {
    text(value, "name", body_parameter::kName);
    text(value, "in", body_parameter::kIn);
    if (is_true_at(value, "required")) writer_.varint(body_parameter::kRequired, 1);
    if (const auto schema = at(value, "schema"))
      message(body_parameter::kSchema, [&] { write_schema(*schema); });
  }

  WireWriter writer_;
};

}  // namespace

std::string gnostic_document(std::string json) {
  constexpr json::Limits kLimits{.bytes = std::size_t{256} << 20};
  const auto document = json::Document::parse(std::move(json), kLimits);
  return document ? GnosticWriter().write(document->root()) : std::string();
}

}  // namespace gantry::kube::views
