// SPDX-License-Identifier: Apache-2.0
//
// One revision of one object, as it is in memory: the bytes that are sent, and where in them its labels and
// the fields stand that selectors ask for. Never changes; for any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/shared_bytes.h"
#include "kube/storage/counted.h"
#include "kube/storage/object_text.h"
#include "store/store.h"

namespace gantry::kube {

class Object;
using ObjectRef = Ref<const Object>;

class Object final : public Counted {
 public:
  // `path`: "default/web", or "web" of a kind without namespaces. `text`: as it is kept (object_text.h).
  // DataLoss if it is no object.
  static Result<ObjectRef> make(std::string_view path, std::string_view text, store::Revision revision,
                                std::span<const FieldPath> fields);

  const std::string& path() const { return path_; }
  std::string_view name_space() const;  // empty: it has none
  std::string_view name() const;
  // When it became what it is.
  store::Revision revision() const { return revision_; }
  // With its resourceVersion.
  const SharedBytes& json() const { return json_; }

  std::optional<std::string_view> label(std::string_view key) const {
    return find_text_member(labels_.in(json_.view()), key);
  }
  // As it stands in the JSON, strings without their quotes; empty if it is not there. `index`: of the fields
  // that its collection has; an object may have been made before one of them came.
  std::string_view field(std::size_t index) const {
    return index < fields_.size() ? fields_[index].in(json_.view()) : std::string_view();
  }

  // As it is kept: without its resourceVersion.
  std::string text() const;
  // The same at another revision (what is told when it goes), or with other fields to select by.
  ObjectRef at(store::Revision revision, std::span<const FieldPath> fields) const;

 private:
  Object(std::string_view path, SharedBytes json, store::Revision revision, TextPlaces places);

  const std::string path_;
  const SharedBytes json_;
  const store::Revision revision_;
  const std::uint32_t metadata_;  // right behind the brace that opens it: there stands resourceVersion
  const TextSpan labels_;
  const std::vector<TextSpan> fields_;
};

// Of the path of an object.
std::string_view namespace_of(std::string_view path);
std::string_view name_of(std::string_view path);
std::string object_path(std::string_view name_space, std::string_view name);

}  // namespace gantry::kube
