// SPDX-License-Identifier: Apache-2.0
#include "kube/server/object_writer.h"

#include <utility>

#include "kube/server/service_addresses.h"
#include "kube/server/stored_object.h"
#include "kube/server/verb_functions.h"

namespace gantry::kube {

ObjectWriter::ObjectWriter(const VerbParts& parts, const ApiRequest& request)
    : parts_(parts),
      request_(request),
      collection_(collection_of(parts, request.resource)),
      path_(path_of(request)) {}

Answer<std::optional<SharedBytes>> ObjectWriter::put(const Object& live, json::Tree object,
                                                     const AlsoWritten& also) {
  const Resource& resource = request_.resource;
  if (request_.is_dry_run) return std::optional(shown(object));
  const std::string text = TRY(text_to_store(resource, std::move(object)));
  if (text == live.text()) return std::optional(TRY(shown(resource, live)));
  Written written = TRY(parts_.storage.put(collection_, path_, live.revision(), text, also));
  if (written.is_done) return std::optional(TRY(shown(resource, *written.object)));
  newer_ = std::move(written.object);
  return std::optional<SharedBytes>();
}

Answer<bool> ObjectWriter::remove(const Object& live, const json::Tree& before) {
  if (request_.is_dry_run) return true;
  AlsoWritten also;
  ServiceAddresses::release(request_.resource, before, also);
  Written written = TRY(parts_.storage.remove(collection_, path_, live.revision(), also));
  newer_ = std::move(written.object);
  return written.is_done;
}

}  // namespace gantry::kube
