// SPDX-License-Identifier: Apache-2.0
#include "kube/views/openapi_document.h"

#include "kube/views/openapi_operations.h"

namespace gantry::kube::views {
namespace {

constexpr const char* kObjectTypes[] = {"application/json", "application/yaml",
                                        "application/vnd.kubernetes.protobuf"};
constexpr const char* kPatchTypes[] = {"application/json-patch+json", "application/merge-patch+json",
                                       "application/apply-patch+yaml",
                                       "application/strategic-merge-patch+json"};

std::span<const char* const> patch_types(const ApiOperation& operation) {
  const std::span all(kPatchTypes);
  return operation.takes_strategic_merge ? all : all.first(all.size() - 1);
}

class DocumentWriter {
 public:
  explicit DocumentWriter(Dialect dialect) : dialect_(dialect) {}

  std::string write(std::span<const Resource* const> resources) {
    writer_.begin_object();
    is_v2() ? writer_.key("swagger").value("2.0") : writer_.key("openapi").value("3.0.0");
    writer_.key("info").begin_object().key("title").value("Kubernetes");
    writer_.key("version").value("v1.36.0").end_object();
    write_paths(resources);
    write_definitions(Definitions(resources));
    writer_.end_object();
    return std::move(writer_).text();
  }

 private:
  bool is_v2() const { return dialect_ == Dialect::V2; }

  void write_definitions(const Definitions& definitions) {
    if (!is_v2()) writer_.key("components").begin_object();
    writer_.key(is_v2() ? "definitions" : "schemas").begin_object();
    definitions.write(writer_, dialect_);
    writer_.end_object();
    if (!is_v2()) writer_.end_object();
  }

  void write_paths(std::span<const Resource* const> resources) {
    writer_.key("paths").begin_object();
    for (const Resource* resource : resources)
      for (const ApiPath& path : paths_of(*resource)) write_path(path, tag_of(resource->kind));
    writer_.end_object();
  }

  void write_path(const ApiPath& path, std::string_view tag) {
    writer_.key(path.path).begin_object();
    if (!path.parameters.empty()) {
      writer_.key("parameters").begin_array();
      for (const std::string& name : path.parameters)
        write_parameter("path", {name.c_str(), "string", "What this is about."});
      writer_.end_array();
    }
    for (const ApiOperation& operation : path.operations) write_operation(operation, tag);
    writer_.end_object();
  }

  // In OpenAPI 2 a body is a parameter, too.
  void write_operation(const ApiOperation& operation, std::string_view tag) {
    writer_.key(operation.method).begin_object();
    writer_.key("description").value(operation.description).key("operationId").value(operation.id);
    writer_.key("tags").begin_array().value(tag).end_array();
    writer_.key("parameters").begin_array();
    for (const Parameter& parameter : operation.parameters) write_parameter("query", parameter);
    if (is_v2() && operation.body != Body::None) write_body_parameter(operation);
    writer_.end_array();
    if (is_v2())
      write_media_types(operation);
    else if (operation.body != Body::None)
      write_request_body(operation);
    write_responses(operation);
    writer_.key("x-kubernetes-action").value(operation.action);
    writer_.key("x-kubernetes-group-version-kind").begin_object().key("group").value(operation.kind.group);
    writer_.key("kind").value(operation.kind.kind).key("version").value(operation.kind.version).end_object();
    writer_.end_object();
  }

  void write_parameter(std::string_view place, const Parameter& parameter) {
    writer_.begin_object().key("name").value(parameter.name).key("in").value(place);
    writer_.key("description").value(parameter.description);
    if (place == "path") writer_.key("required").value(true);
    if (!is_v2()) writer_.key("schema").begin_object();
    writer_.key("type").value(parameter.type).key("uniqueItems").value(true);
    if (!is_v2()) writer_.end_object();
    writer_.end_object();
  }

  void write_reference(std::string_view name) { Definitions::write_reference(writer_, dialect_, name); }

  void write_body_schema(const ApiOperation& operation) {
    if (operation.body == Body::Object && !operation.body_definition.empty())
      write_reference(operation.body_definition);
    else if (operation.body == Body::DeleteOptions)
      write_reference(kDeleteOptionsDefinition);
    else
      writer_.begin_object().key("type").value("object").end_object();
  }

  static bool is_body_required(const ApiOperation& operation) {
    return operation.body != Body::DeleteOptions;
  }

  void write_body_parameter(const ApiOperation& operation) {
    writer_.begin_object().key("name").value("body").key("in").value("body");
    if (is_body_required(operation)) writer_.key("required").value(true);
    writer_.key("schema");
    write_body_schema(operation);
    writer_.end_object();
  }

  void write_request_body(const ApiOperation& operation) {
    writer_.key("requestBody").begin_object();
    if (is_body_required(operation)) writer_.key("required").value(true);
    writer_.key("content").begin_object();
    constexpr const char* kAny[] = {"*/*"};
    for (const char* type :
         operation.body == Body::Patch ? patch_types(operation) : std::span<const char* const>(kAny)) {
      writer_.key(type).begin_object().key("schema");
      write_body_schema(operation);
      writer_.end_object();
    }
    writer_.end_object().end_object();
  }

  void write_media_types(const ApiOperation& operation) {
    writer_.key("consumes").begin_array();
    if (operation.body == Body::Patch)
      for (const char* type : patch_types(operation)) writer_.value(type);
    else
      writer_.value("*/*");
    writer_.end_array().key("produces").begin_array();
    for (const char* type : kObjectTypes)
      if (!operation.answer_definition.empty()) writer_.value(type);
    if (operation.answer_definition.empty()) writer_.value("*/*");
    writer_.end_array();
  }

  void write_answer_schema(const ApiOperation& operation) {
    writer_.key("schema");
    if (operation.answer_definition.empty())
      writer_.begin_object().key("type").value("string").end_object();
    else
      write_reference(operation.answer_definition);
  }

  void write_answer(const ApiOperation& operation) {
    writer_.begin_object().key("description").value("OK");
    if (is_v2()) {
      write_answer_schema(operation);
    } else {
      writer_.key("content").begin_object();
      for (const char* type : kObjectTypes) {
        writer_.key(operation.answer_definition.empty() ? "*/*" : type).begin_object();
        write_answer_schema(operation);
        writer_.end_object();
        if (operation.answer_definition.empty()) break;
      }
      writer_.end_object();
    }
    writer_.end_object();
  }

  void write_responses(const ApiOperation& operation) {
    writer_.key("responses").begin_object().key("200");
    write_answer(operation);
    if (operation.body == Body::Object || operation.body == Body::Patch) {
      writer_.key("201");
      write_answer(operation);
    }
    writer_.key("401").begin_object().key("description").value("Unauthorized").end_object().end_object();
  }

  Dialect dialect_;
  json::Writer writer_;
};

}  // namespace

std::string openapi_document(std::span<const Resource* const> resources, Dialect dialect) {
  return DocumentWriter(dialect).write(resources);
}

}  // namespace gantry::kube::views
