// SPDX-License-Identifier: Apache-2.0
#include "kube/audit/audit.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "kube/api/user_info.h"

namespace gantry::kube {
namespace {

// To the microsecond, as MicroTime is.
std::string time_text(std::int64_t nanoseconds) {
  const std::string text =
      format_timestamp({.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000});
  return fmt::format("{}Z", std::string_view(text).substr(0, 26));
}

void put(json::Writer& w, std::string_view key, std::string_view value) {
  if (!value.empty()) w.key(key).value(value);
}

void put_user(json::Writer& w, std::string_view key, const User& user) {
  w.key(key);
  user_info(user).write_to(w);
}

void put_reference(json::Writer& w, const AccessRequest& request) {
  w.key("objectRef").begin_object();
  put(w, "resource", request.resource);
  put(w, "namespace", request.name_space);
  put(w, "name", request.name);
  put(w, "apiGroup", request.group);
  put(w, "apiVersion", request.version);
  put(w, "subresource", request.subresource);
  w.end_object();
}

void put_status(json::Writer& w, const AuditResponse& response) {
  w.key("responseStatus").begin_object().key("metadata").begin_object().end_object();
  if (response.code >= 400) w.key("status").value("Failure");
  put(w, "message", response.message);
  put(w, "reason", response.reason);
  w.key("code").value(response.code).end_object();
}

void remove_managed_fields(json::Tree& object) {
  if (object.find("metadata", "managedFields") != nullptr)
    object.object()["metadata"].object().erase("managedFields");
  if (object.find("items") != nullptr)
    for (json::Tree& item : object.object()["items"].array()) remove_managed_fields(item);
}

// An object is told as it was sent; what is no JSON (a patch in YAML, a part of a stream) as a text.
void put_object(json::Writer& w, std::string_view key, std::string_view text, bool omits_managed_fields) {
  if (text.empty()) return;
  auto object = json::Tree::parse(std::string(text));
  w.key(key);
  if (!object) {
    w.value(text);
    return;
  }
  if (omits_managed_fields) remove_managed_fields(*object);
  object->write_to(w);
}

}  // namespace

AuditRecord Auditor::begin(const AccessRequest& request, AuditFacts facts) const {
  AuditRecord record(*this, policy_.decide(request));
  if (record.level() == AuditLevel::None) return record;
  record.request_ = request;
  record.facts_ = std::move(facts);
  record.received_ = wall_clock_ns();
  record.tell(AuditStage::RequestReceived, {});
  return record;
}

void Auditor::write(const std::string& event) const {
  for (const auto& sink : sinks_)
    if (const auto written = sink->write(event); !written && on_failure_) on_failure_(written.error());
}

void AuditRecord::set_request_object(std::string_view json) {
  if (level() >= AuditLevel::Request) request_object_ = json;
}

void AuditRecord::annotate(std::string key, std::string value) {
  if (level() != AuditLevel::None) annotations_.insert_or_assign(std::move(key), std::move(value));
}

void AuditRecord::start(int code) { tell(AuditStage::ResponseStarted, {.code = code}); }
void AuditRecord::respond(const AuditResponse& response) { tell(AuditStage::ResponseComplete, response); }
void AuditRecord::fail(std::string_view why) {
  tell(AuditStage::Panic, {.code = 500, .reason = "InternalError", .message = why});
}

// The keys are in the order that people know from other servers' logs.
void AuditRecord::tell(AuditStage stage, const AuditResponse& response) {
  if (!decision_.has(stage)) return;
  const bool is_impersonated = facts_.impersonator.has_value();
  json::Writer w;
  w.begin_object();
  w.key("kind").value("Event").key("apiVersion").value("audit.k8s.io/v1");
  w.key("level").value(kAuditLevels[static_cast<std::size_t>(level())]);
  w.key("auditID").value(facts_.id).key("stage").value(kAuditStages[static_cast<std::size_t>(stage)]);
  w.key("requestURI").value(facts_.uri).key("verb").value(request_.verb);
  put_user(w, "user", is_impersonated ? *facts_.impersonator : request_.user);
  if (is_impersonated) put_user(w, "impersonatedUser", request_.user);
  if (!facts_.source_addresses.empty()) {
    w.key("sourceIPs").begin_array();
    for (const std::string& address : facts_.source_addresses) w.value(address);
    w.end_array();
  }
  put(w, "userAgent", facts_.user_agent);
  if (request_.is_resource) put_reference(w, request_);
  if (stage != AuditStage::RequestReceived) {
    put_status(w, response);
    put_object(w, "requestObject", request_object_, decision_.omits_managed_fields);
    if (level() == AuditLevel::RequestResponse)
      put_object(w, "responseObject", response.object, decision_.omits_managed_fields);
  }
  w.key("requestReceivedTimestamp").value(time_text(received_));
  w.key("stageTimestamp").value(time_text(wall_clock_ns()));
  if (!annotations_.empty()) {
    w.key("annotations").begin_object();
    for (const auto& [key, value] : annotations_) w.key(key).value(value);
    w.end_object();
  }
  w.end_object();
  auditor_->write(std::move(w).text());
}

}  // namespace gantry::kube
