// SPDX-License-Identifier: Apache-2.0
//
// What the server itself looks at and sets in the metadata of any object (the type ObjectMeta of meta/v1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_tree.h"

namespace gantry::kube {

// Now, as metadata has times: "2026-11-21T10:20:30Z".
std::string now_text();
// The same for a moment, in seconds since 1970; and back, 0 for what is none.
std::string time_text(std::int64_t seconds);
std::int64_t time_seconds(std::string_view text);
std::int64_t now_seconds();

// `base` cut to leave room, and five characters nobody can guess.
std::string generated_name(std::string_view base);

// Of `object`, made if it is not there.
json::TreeObject& metadata_of(json::Tree& object);
std::string_view metadata_text(const json::Tree& object, std::string_view key);
// Sets a member, or takes it out where the text is empty.
void set_metadata(json::Tree& object, std::string_view key, std::string_view text);

inline bool is_being_deleted(const json::Tree& object) {
  return !metadata_text(object, "deletionTimestamp").empty();
}
std::optional<std::int64_t> deletion_grace(const json::Tree& object);  // seconds

inline constexpr const char* kOrphanFinalizer = "orphan";
inline constexpr const char* kForegroundFinalizer = "foregroundDeletion";
bool has_finalizers(const json::Tree& object);
bool has_finalizer(const json::Tree& object, std::string_view finalizer);
void remove_finalizer(json::Tree& object, std::string_view finalizer);
void add_finalizer(json::Tree& object, std::string_view finalizer);

}  // namespace gantry::kube
