// SPDX-License-Identifier: Apache-2.0
#include "kube/views/partial_object.h"

namespace gantry::kube::views {

void write_partial_object(json::Writer& writer, const json::Value& object) {
  writer.begin_object().key("kind").value("PartialObjectMetadata");
  writer.key("apiVersion").value("meta.k8s.io/v1").key("metadata");
  const auto metadata = object.find("metadata");
  metadata ? writer.value(*metadata) : writer.raw("{}");
  writer.end_object();
}

Result<std::string> partial_object(std::string_view object) {
  const json::Document document = TRY(json::Document::parse(std::string(object)));
  json::Writer writer;
  write_partial_object(writer, document.root());
  return std::move(writer).text();
}

void write_list_meta(json::Writer& writer, const ListMeta& metadata) {
  writer.begin_object();
  if (!metadata.resource_version.empty()) writer.key("resourceVersion").value(metadata.resource_version);
  if (!metadata.continue_token.empty()) writer.key("continue").value(metadata.continue_token);
  if (metadata.remaining_items) writer.key("remainingItemCount").value(*metadata.remaining_items);
  writer.end_object();
}

PartialObjectList::PartialObjectList(const ListMeta& metadata) {
  writer_.begin_object().key("kind").value("PartialObjectMetadataList");
  writer_.key("apiVersion").value("meta.k8s.io/v1").key("metadata");
  write_list_meta(writer_, metadata);
  writer_.key("items").begin_array();
}

Result<void> PartialObjectList::add(std::string_view object) {
  const json::Document document = TRY(json::Document::parse(std::string(object)));
  write_partial_object(writer_, document.root());
  return {};
}

std::string PartialObjectList::finish() && {
  writer_.end_array().end_object();
  return std::move(writer_).text();
}

}  // namespace gantry::kube::views
