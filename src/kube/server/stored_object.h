// SPDX-License-Identifier: Apache-2.0
//
// Objects between storage and verbs: as trees in the version that is asked for, as text in the one that is
// stored. Where both are the same, what is sent is the bytes of the cache. What is converted may block, and
// fail, where a webhook does it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json_tree.h"
#include "base/shared_bytes.h"
#include "kube/api/status.h"
#include "kube/schema/resource.h"
#include "kube/storage/object.h"

namespace gantry::kube {

// In the version of `resource`, with its resourceVersion.
Answer<json::Tree> tree_of(const Resource& resource, const SharedBytes& json);
// What is sent of it, or of the JSON of one.
Answer<SharedBytes> shown(const Resource& resource, const Object& object);
Answer<SharedBytes> shown(const Resource& resource, const SharedBytes& json);
// What is sent of an object that was not stored: of a dry run.
SharedBytes shown(const json::Tree& object);
// Of many, in their order: what has to be converted is so together.
Answer<std::vector<SharedBytes>> shown(const Resource& resource, std::vector<SharedBytes> objects);
// What is stored of an object in the version of `resource`.
Answer<std::string> text_to_store(const Resource& resource, json::Tree object);

// Whether all objects are in the version of `resource` already. Of a custom kind some may be in one that was
// stored before.
inline bool is_shown_as_stored(const Resource& resource) { return resource.versions == nullptr; }

}  // namespace gantry::kube
