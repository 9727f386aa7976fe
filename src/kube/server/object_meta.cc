// SPDX-License-Identifier: Apache-2.0
#include "kube/server/object_meta.h"

#include <array>
#include <ctime>

#include <fmt/format.h>

#include "base/random.h"
#include "base/timestamp.h"

namespace gantry::kube {

std::int64_t now_seconds() { return wall_clock_now().tv_sec; }
std::string now_text() { return time_text(now_seconds()); }

std::string time_text(std::int64_t seconds) {
  const std::string text = format_timestamp({.tv_sec = seconds, .tv_nsec = 0});
  return text.substr(0, text.find('.')) + "Z";
}

std::int64_t time_seconds(std::string_view text) { return parse_timestamp(text).value_or(0) / 1'000'000'000; }

std::string generated_name(std::string_view base) {
  // Without vowels and what looks like them, so that no word comes of it.
  static constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  static constexpr std::size_t kMaxBase = 58;
  std::array<std::byte, 5> bytes;
  fill_random(bytes);
  std::string name(base.substr(0, kMaxBase));
  for (const std::byte byte : bytes)
    name.push_back(kLetters[std::to_integer<std::size_t>(byte) % kLetters.size()]);
  return name;
}

json::TreeObject& metadata_of(json::Tree& object) { return object.object()["metadata"].object(); }

std::string_view metadata_text(const json::Tree& object, std::string_view key) {
  return object.text_at("metadata", key);
}

void set_metadata(json::Tree& object, std::string_view key, std::string_view text) {
  if (text.empty())
    metadata_of(object).erase(key);
  else
    metadata_of(object)[key] = text;
}

std::optional<std::int64_t> deletion_grace(const json::Tree& object) {
  const json::Tree* seconds = object.find("metadata", "deletionGracePeriodSeconds");
  return seconds == nullptr ? std::nullopt : seconds->as_int64();
}

// ---- Finalizers

bool has_finalizers(const json::Tree& object) {
  const json::Tree* finalizers = object.find("metadata", "finalizers");
  return finalizers != nullptr && !finalizers->array().empty();
}

bool has_finalizer(const json::Tree& object, std::string_view finalizer) {
  const json::Tree* finalizers = object.find("metadata", "finalizers");
  if (finalizers == nullptr) return false;
  for (const json::Tree& each : finalizers->array())
    if (each.as_string() == finalizer) return true;
  return false;
}

void remove_finalizer(json::Tree& object, std::string_view finalizer) {
  json::Tree* finalizers = metadata_of(object).find("finalizers");
  if (finalizers == nullptr) return;
  std::erase_if(finalizers->array(), [&](const json::Tree& each) { return each.as_string() == finalizer; });
  if (finalizers->array().empty()) metadata_of(object).erase("finalizers");
}

void add_finalizer(json::Tree& object, std::string_view finalizer) {
  if (!has_finalizer(object, finalizer)) metadata_of(object)["finalizers"].array().emplace_back(finalizer);
}

}  // namespace gantry::kube
