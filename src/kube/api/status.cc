// SPDX-License-Identifier: Apache-2.0
#include "kube/api/status.h"

#include <fmt/format.h>

namespace gantry::kube {
namespace {

Status make(int code, std::string_view reason, std::string message) {
  return Status({.code = code, .reason = std::string(reason), .message = std::move(message)});
}

std::string named(const ResourceId& resource, std::string_view name) {
  return name.empty() ? resource.text() : fmt::format("{} \"{}\"", resource.text(), name);
}

Status about(int code, std::string_view reason, const ResourceId& resource, std::string_view name,
             std::string message) {
  return Status({.code = code,
                 .reason = std::string(reason),
                 .message = std::move(message),
                 .group = resource.group,
                 .kind = resource.plural,
                 .name = std::string(name)});
}

struct Meaning {
  int code;
  std::string_view reason;
};

Meaning meaning_of(Code code) {
  switch (code) {
    case Code::InvalidArgument: return {400, "BadRequest"};
    case Code::NotFound: return {404, "NotFound"};
    case Code::AlreadyExists: return {409, "AlreadyExists"};
    case Code::Conflict: return {409, "Conflict"};
    case Code::PermissionDenied: return {403, "Forbidden"};
    case Code::Unsupported: return {405, "MethodNotAllowed"};
    case Code::Unavailable: return {503, "ServiceUnavailable"};
    case Code::TimedOut: return {504, "Timeout"};
    case Code::ResourceExhausted:
    case Code::DataLoss:
    case Code::Internal: break;
  }
  return {500, "InternalError"};
}

std::string sentence(const Cause& cause) {
  return cause.field.empty() ? cause.message : fmt::format("{}: {}", cause.field, cause.message);
}

std::string list_of(const std::vector<Cause>& causes) {
  if (causes.size() == 1) return sentence(causes.front());
  std::string text = "[";
  for (const Cause& cause : causes) fmt::format_to(std::back_inserter(text), "{}, ", sentence(cause));
  if (!causes.empty()) text.resize(text.size() - 2);
  return text + "]";
}

void add(json::TreeObject& object, std::string_view key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

json::Tree tree_of(const Cause& cause) {
  json::TreeObject object;
  add(object, "reason", cause.reason);
  add(object, "message", cause.message);
  add(object, "field", cause.field);
  return object;
}

json::TreeObject details_of(const Status::Detail& status) {
  json::TreeObject details;
  add(details, "group", status.group);
  add(details, "kind", status.kind);
  add(details, "name", status.name);
  add(details, "uid", status.uid);
  for (const Cause& cause : status.causes) details["causes"].array().push_back(tree_of(cause));
  if (status.retry_after_seconds != 0) details["retryAfterSeconds"] = status.retry_after_seconds;
  return details;
}

}  // namespace

Status::Status(Error error)
    : Status({.code = meaning_of(error.code()).code,
              .reason = std::string(meaning_of(error.code()).reason),
              .message = error.message()}) {}

json::Tree Status::to_tree() const {
  json::TreeObject object;
  object["apiVersion"] = "v1";
  object["kind"] = "Status";
  object["metadata"] = json::TreeObject();
  add(object["metadata"].object(), "continue", detail_->continue_token);
  object["status"] = "Failure";
  add(object, "message", detail_->message);
  add(object, "reason", detail_->reason);
  if (json::TreeObject details = details_of(*detail_); !details.empty())
    object["details"] = std::move(details);
  object["code"] = detail_->code;
  return object;
}

Status bad_request(std::string message) { return make(400, "BadRequest", std::move(message)); }
Status unauthorized(std::string message) { return make(401, "Unauthorized", std::move(message)); }
Status gone(std::string message) { return make(410, "Expired", std::move(message)); }
Status too_large(std::string message) { return make(413, "RequestEntityTooLarge", std::move(message)); }
Status unsupported_media_type(std::string message) {
  return make(415, "UnsupportedMediaType", std::move(message));
}
Status unavailable(std::string message) { return make(503, "ServiceUnavailable", std::move(message)); }
Status timed_out(std::string message) { return make(504, "Timeout", std::move(message)); }

Status internal_error(std::string message) {
  return make(500, "InternalError", fmt::format("Internal error occurred: {}", message));
}

Status too_many_requests(std::string message, int retry_after_seconds) {
  Status status = make(429, "TooManyRequests", std::move(message));
  status->retry_after_seconds = retry_after_seconds;
  return status;
}

Status forbidden(const ResourceId& resource, std::string_view name, std::string why) {
  return about(403, "Forbidden", resource, name,
               fmt::format("{} is forbidden: {}", named(resource, name), why));
}

Status not_found(const ResourceId& resource, std::string_view name) {
  return about(404, "NotFound", resource, name, fmt::format("{} not found", named(resource, name)));
}

Status already_exists(const ResourceId& resource, std::string_view name) {
  return about(409, "AlreadyExists", resource, name, fmt::format("{} already exists", named(resource, name)));
}

Status conflict(const ResourceId& resource, std::string_view name, std::string why) {
  return about(409, "Conflict", resource, name,
               fmt::format("Operation cannot be fulfilled on {}: {}", named(resource, name), why));
}

Status invalid(std::string_view group, std::string_view kind, std::string_view name,
               std::vector<Cause> causes) {
  const ResourceId full{std::string(group), std::string(kind)};
  Status status = about(422, "Invalid", full, name,
                        fmt::format("{} \"{}\" is invalid: {}", full.text(), name, list_of(causes)));
  status->causes = std::move(causes);
  return status;
}

}  // namespace gantry::kube
