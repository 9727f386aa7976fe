// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/object.h"

#include <fmt/format.h>

namespace gantry::kube {

std::string_view namespace_of(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) { return path.substr(path.find('/') + 1); }

std::string object_path(std::string_view name_space, std::string_view name) {
  return name_space.empty() ? std::string(name) : fmt::format("{}/{}", name_space, name);
}

Object::Object(std::string_view path, SharedBytes json, store::Revision revision, TextPlaces places)
    : path_(path),
      json_(std::move(json)),
      revision_(revision),
      metadata_(places.metadata),
      labels_(places.labels),
      fields_(std::move(places.fields)) {}

std::string_view Object::name_space() const { return namespace_of(path_); }
std::string_view Object::name() const { return name_of(path_); }

static void move_by(TextSpan& span, std::size_t bytes) {
  if (span.size != 0) span.offset += static_cast<std::uint32_t>(bytes);
}

Result<ObjectRef> Object::make(std::string_view path, std::string_view text, store::Revision revision,
                               std::span<const FieldPath> fields) {
  TextPlaces places = TRY(find_places(text, fields));
  SharedBytes json = with_revision(text, places.metadata, revision);
  // What stood before metadata stays where it was.
  const std::size_t added = json.size() - text.size();
  if (places.labels.offset >= places.metadata) move_by(places.labels, added);
  for (TextSpan& field : places.fields)
    if (field.offset >= places.metadata) move_by(field, added);
  return ObjectRef(new Object(path, std::move(json), revision, std::move(places)));
}

std::string Object::text() const {
  const std::string_view json = json_.view();
  std::string_view rest = json.substr(json.find('"', metadata_ + kRevisionKey.size()) + 1);
  if (rest.starts_with(',')) rest.remove_prefix(1);
  return std::string(json.substr(0, metadata_)).append(rest);
}

ObjectRef Object::at(store::Revision revision, std::span<const FieldPath> fields) const {
  auto made = make(path_, text(), revision, fields);
  return std::move(*made);  // it was an object before
}

}  // namespace gantry::kube
