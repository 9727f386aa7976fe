// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/random.h"
#include "kube/server/namespaces.h"
#include "kube/server/object_meta.h"
#include "kube/server/service_addresses.h"
#include "kube/server/stored_object.h"
#include "kube/server/verb_functions.h"
#include "kube/server/write_steps.h"

namespace gantry::kube {

// How often another name is made up, or another address taken, when somebody else was faster.
static constexpr int kAttempts = 8;

// What no client chooses.
static void begin_life(json::Tree& object) {
  for (const char* key : {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"})
    metadata_of(object).erase(key);
  set_metadata(object, "uid", random_uuid());
  set_metadata(object, "creationTimestamp", now_text());
}

static Status name_not_made_up(const ResourceId& resource, std::string_view name) {
  Status status = already_exists(resource, name);
  status->message = fmt::format(
      "{} \"{}\" already exists, the server was not able to generate a unique name for the object",
      resource.text(), name);
  status->retry_after_seconds = 1;
  return status;
}

namespace {

struct Attempt {
  enum class Outcome : std::uint8_t { Done, NameTaken, AddressTaken };
  Outcome outcome = Outcome::Done;
  SharedBytes shown;
};

}  // namespace

static Answer<Attempt> try_create(const VerbParts& parts, const ApiRequest& request, json::Tree object) {
  const Resource& resource = request.resource;
  const Collection& collection = collection_of(parts, resource);
  const std::string path = object_path(metadata_text(object, "namespace"), metadata_text(object, "name"));
  AlsoWritten also = also_of(resource);
  TRY(parts.addresses.take(resource, nullptr, object, also));
  if (request.is_dry_run) {
    const bool is_taken = static_cast<bool>(TRY(parts.storage.get(collection, path)));
    return is_taken ? Attempt{Attempt::Outcome::NameTaken, {}} : Attempt{.shown = shown(object)};
  }
  const std::string text = TRY(text_to_store(resource, std::move(object)));
  const Written written = TRY(parts.storage.put(collection, path, kAbsent, text, also));
  if (!written.is_done)
    return Attempt{written.object ? Attempt::Outcome::NameTaken : Attempt::Outcome::AddressTaken, {}};
  return Attempt{.shown = TRY(shown(resource, *written.object))};
}

Answer<ApiAnswer> create_from(const VerbParts& parts, const ApiRequest& request, json::Tree body,
                              Tracking tracking, Warnings warnings) {
  const ResourceId id = request.resource.id();
  const std::string base(metadata_text(body, "generateName"));
  const bool is_named = !metadata_text(body, "name").empty() || base.empty();
  const bool may_try_again = !is_named || ServiceAddresses::are_of(request.resource);
  std::string name;
  for (int i = 0; i < kAttempts; ++i) {
    json::Tree object = may_try_again ? body : std::move(body);
    if (!is_named) set_metadata(object, "name", generated_name(base));
    name = metadata_text(object, "name");
    begin_life(object);
    Warnings told = warnings;
    TRY(Writing(parts, request, nullptr, told).finish(object, tracking));
    Attempt attempt = TRY(try_create(parts, request, std::move(object)));
    if (attempt.outcome == Attempt::Outcome::Done)
      return ApiAnswer{.code = 201, .content = std::move(attempt.shown), .warnings = std::move(told)};
    if (attempt.outcome == Attempt::Outcome::NameTaken && is_named) return already_exists(id, name);
  }
  return name_not_made_up(id, name);
}

Answer<ApiAnswer> create_object(const VerbParts& parts, const ApiRequest& request) {
  const Resource& resource = request.resource;
  Warnings warnings;
  json::Tree body = TRY(read_body(request, *resource.type, resource.kind, warnings));
  TRY(match_names(request, body));
  if (!metadata_text(body, "resourceVersion").empty())
    return bad_request("resourceVersion should not be set on objects to be created");
  TRY(check_takes_new_objects(parts, request));
  return create_from(parts, request, std::move(body), Tracking::IsToDo, std::move(warnings));
}

}  // namespace gantry::kube
