// SPDX-License-Identifier: Apache-2.0
//
// Objects cut down to their metadata: PartialObjectMetadata of meta.k8s.io/v1, what a client gets that
// accepts application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1 (lists: as=PartialObjectMetadataList).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "kube/api/list_meta.h"

namespace gantry::kube::views {

// InvalidArgument if the text is no JSON.
Result<std::string> partial_object(std::string_view object);

//   PartialObjectList list({.resource_version = "42"});
//   for (...) TRY(list.add(text));
//   std::string body = std::move(list).finish();
class PartialObjectList {
 public:
  explicit PartialObjectList(const ListMeta& metadata);
  Result<void> add(std::string_view object);
  std::string finish() &&;

 private:
  json::Writer writer_;
};

// The same as a value in what is being written.
void write_partial_object(json::Writer& writer, const json::Value& object);

// A list's "metadata", as a value.
void write_list_meta(json::Writer& writer, const ListMeta& metadata);

}  // namespace gantry::kube::views
