// SPDX-License-Identifier: Apache-2.0
#include "kube/server/deletion.h"

#include <algorithm>

#include <fmt/format.h>

#include "kube/api/stored_kinds.h"
#include "kube/server/namespaces.h"
#include "kube/server/object_meta.h"

namespace gantry::kube {

Answer<void> check(const DeleteOptions& options) {
  const std::string& policy = options.propagation;
  const auto refuse = [&](std::string_view reason, std::string message) {
    return invalid(
        "meta.k8s.io", "DeleteOptions", "",
        {{.reason = std::string(reason), .message = std::move(message), .field = "propagationPolicy"}});
  };
  if (policy.empty()) return {};
  if (options.orphans)
    return refuse(
        "FieldValueInvalid",
        fmt::format("Invalid value: \"{}\": orphanDependents and deletionPropagation cannot be both set",
                    policy));
  if (policy != "Orphan" && policy != "Background" && policy != "Foreground")
    return refuse(
        "FieldValueNotSupported",
        fmt::format("Unsupported value: \"{}\": supported values: \"Background\", \"Foreground\", \"Orphan\"",
                    policy));
  return {};
}

// ---- Who cares for what the object owns

// Kinds whose clients have always expected their objects to be left alone.
static bool orphans_by_default(const Resource& resource) {
  return resource.stored_as == "replicationcontrollers" || resource.stored_as == "batch/jobs";
}

enum class Dependents : std::uint8_t { Background, Orphan, Foreground };

static Dependents dependents_of(const Resource& resource, const json::Tree& object,
                                const DeleteOptions& options) {
  if (options.orphans) return *options.orphans ? Dependents::Orphan : Dependents::Background;
  if (options.propagation == "Orphan") return Dependents::Orphan;
  if (options.propagation == "Foreground") return Dependents::Foreground;
  if (options.propagation == "Background") return Dependents::Background;
  if (has_finalizer(object, kOrphanFinalizer)) return Dependents::Orphan;
  if (has_finalizer(object, kForegroundFinalizer)) return Dependents::Foreground;
  return orphans_by_default(resource) ? Dependents::Orphan : Dependents::Background;
}

static void set_dependents(json::Tree& object, Dependents dependents) {
  if (dependents != Dependents::Orphan) remove_finalizer(object, kOrphanFinalizer);
  if (dependents != Dependents::Foreground) remove_finalizer(object, kForegroundFinalizer);
  if (dependents == Dependents::Orphan) add_finalizer(object, kOrphanFinalizer);
  if (dependents == Dependents::Foreground) add_finalizer(object, kForegroundFinalizer);
}

// ---- Marks

static void mark(json::Tree& object, std::int64_t time, std::int64_t grace) {
  json::TreeObject& metadata = metadata_of(object);
  if (const json::Tree* generation = metadata.find("generation");
      !is_being_deleted(object) && generation != nullptr && generation->as_int64().value_or(0) > 0)
    metadata["generation"] = *generation->as_int64() + 1;
  metadata["deletionTimestamp"] = time_text(time);
  metadata["deletionGracePeriodSeconds"] = grace;
}

// Seconds that a pod gets to end.
static std::int64_t grace_of_pod(const json::Tree& pod, const DeleteOptions& options) {
  static constexpr std::int64_t kDefault = 30;
  const std::string_view phase = pod.text_at("status", "phase");
  if (pod.text_at("spec", "nodeName").empty() || phase == "Succeeded" || phase == "Failed") return 0;
  const json::Tree* own = pod.find("spec", "terminationGracePeriodSeconds");
  const std::int64_t grace =
      options.grace_seconds.value_or(own != nullptr ? own->as_int64().value_or(kDefault) : kDefault);
  return grace < 0 ? 1 : grace;
}

// A deletion that has begun can only be made shorter. False: it stays as it is.
static bool shorten(json::Tree& pod, const DeleteOptions& options, std::int64_t now) {
  const std::int64_t before = *deletion_grace(pod);
  if (!options.grace_seconds) return false;
  std::int64_t grace = *options.grace_seconds < 0 ? 1 : *options.grace_seconds;
  if (grace >= before) return false;
  std::int64_t time = time_seconds(metadata_text(pod, "deletionTimestamp")) - before + grace;
  if (time < now) {
    time = now;
    grace = grace == 0 ? 0 : 1;
  }
  mark(pod, time, grace);
  return true;
}

Deletion begin_deletion(const Resource& resource, const json::Tree& live, const DeleteOptions& options,
                        std::int64_t now) {
  Deletion deletion{.object = live};
  json::Tree& object = deletion.object;
  const bool is_pod = resource.stored_as == stored::kPods;
  const bool was_marked = is_being_deleted(live);
  if (is_pod && was_marked && deletion_grace(live).value_or(0) > 0) {
    deletion.is_pending = !shorten(object, options, now);
    if (deletion.is_pending) return deletion;
  } else if (is_pod && !was_marked) {
    const std::int64_t grace = grace_of_pod(live, options);
    mark(object, now + grace, grace);
  }
  set_dependents(object, dependents_of(resource, object, options));
  const bool is_held = has_finalizers(object) || (is_namespace(resource) && has_content_finalizers(object));
  const bool is_graceful = is_pod && deletion_grace(object).value_or(0) > 0;
  deletion.goes_now = !is_held && !is_graceful;
  if (is_held && !is_graceful) {
    const bool is_later = time_seconds(metadata_text(object, "deletionTimestamp")) > now;
    mark(object, was_marked && !is_later ? time_seconds(metadata_text(object, "deletionTimestamp")) : now, 0);
  }
  if (is_namespace(resource) && is_held) {
    metadata_of(object).erase("deletionGracePeriodSeconds");
    begin_termination(object);
  }
  return deletion;
}

}  // namespace gantry::kube
