// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/admission_review.h"

#include <fmt/format.h>

#include "base/base64.h"

namespace gantry::kube::admission {
namespace {

std::string api_version(std::string_view version) { return fmt::format("admission.k8s.io/{}", version); }

Result<std::optional<json::Tree>> read_patch(const json::Tree& response, bool may_patch, bool is_strict) {
  const std::string_view patch = response.text_at("patch");
  const json::Tree* type = response.find("patchType");
  if (!may_patch) {
    if (!patch.empty())
      return error(Code::InvalidArgument, "validating webhook may not return response.patch");
    if (type != nullptr)
      return error(Code::InvalidArgument, "validating webhook may not return response.patchType");
    return std::optional<json::Tree>();
  }
  if (is_strict && !patch.empty() && type == nullptr)
    return error(Code::InvalidArgument, "webhook returned response.patch but not response.patchType");
  if (is_strict && patch.empty() && type != nullptr)
    return error(Code::InvalidArgument, "webhook returned response.patchType but not response.patch");
  if (patch.empty()) return std::optional<json::Tree>();
  if (type != nullptr && type->as_string() != "JSONPatch")
    return error(Code::InvalidArgument, "webhook returned invalid response.patchType of \"{}\"",
                 type->as_string());
  auto bytes = from_base64(patch);
  if (!bytes) return error(Code::InvalidArgument, "response.patch is no base64");
  return std::optional(TRY_DURING(json::Tree::parse(std::move(*bytes)), "received undecodable patch"));
}

}  // namespace

std::string review_of(const RequestView& view, std::string_view uid, std::string_view version) {
  json::Writer writer;
  writer.begin_object();
  writer.key("kind").value("AdmissionReview").key("apiVersion").value(api_version(version));
  writer.key("request").begin_object().key("uid").value(uid);
  for (const auto& [name, value] : view.fields().object()) {
    writer.key(name);
    value.write_to(writer);
  }
  writer.key("object");
  view.object().write_to(writer);
  writer.key("oldObject");
  view.old_object().write_to(writer);
  writer.end_object().end_object();
  return std::move(writer).text();
}

Result<ReviewAnswer> read_answer(std::string text, std::string_view uid, std::string_view version,
                                 bool may_patch) {
  const json::Tree review = TRY_DURING(json::Tree::parse(std::move(text)), "could not decode the response");
  const json::Tree* response = review.find("response");
  if (response == nullptr || !response->is_object())
    return error(Code::InvalidArgument, "webhook response was absent");
  const bool is_strict = version == "v1";
  if (is_strict && response->text_at("uid") != uid)
    return error(Code::InvalidArgument, "expected response.uid=\"{}\", got \"{}\"", uid,
                 response->text_at("uid"));
  const std::string_view found_version = review.text_at("apiVersion");
  const std::string_view found_kind = review.text_at("kind");
  if (is_strict && (found_version != api_version(version) || found_kind != "AdmissionReview"))
    return error(Code::InvalidArgument,
                 "expected webhook response of {}, Kind=AdmissionReview, got {}, Kind={}",
                 api_version(version), found_version, found_kind);
  ReviewAnswer answer;
  const json::Tree* allowed = response->find("allowed");
  answer.is_allowed = allowed != nullptr && allowed->as_bool();
  answer.patch = TRY(read_patch(*response, may_patch, is_strict));
  if (const json::Tree* status = response->find("status")) answer.status = *status;
  if (const json::Tree* warnings = response->find("warnings"))
    for (const json::Tree& warning : warnings->array()) answer.warnings.emplace_back(warning.as_string());
  if (const json::Tree* annotations = response->find("auditAnnotations"))
    for (const auto& [key, value] : annotations->object())
      answer.audit_annotations.emplace(key, value.as_string());
  return answer;
}

}  // namespace gantry::kube::admission
