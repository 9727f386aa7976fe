// SPDX-License-Identifier: Apache-2.0
#include "kube/server/api_request.h"

#include <fmt/format.h>

#include "base/json.h"

namespace gantry::kube {

// {"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[
static SharedBytes head_of(const ApiList& list) {
  json::Writer writer;
  writer.begin_object().key("kind").value(list.kind).key("apiVersion").value(list.api_version);
  writer.key("metadata").begin_object().key("resourceVersion").value(std::to_string(list.revision));
  if (!list.continue_token.empty()) writer.key("continue").value(list.continue_token);
  if (list.remaining) writer.key("remainingItemCount").value(*list.remaining);
  writer.end_object().key("items").raw("[");
  return SharedBytes(std::move(writer).text());
}

static std::vector<SharedBytes> json_of(const ApiList& list) {
  static const SharedBytes kComma(",");
  static const SharedBytes kEnd("]}\n");
  std::vector<SharedBytes> pieces;
  pieces.reserve(2 * list.items.size() + 2);
  pieces.push_back(head_of(list));
  for (const SharedBytes& item : list.items) {
    if (pieces.size() > 1) pieces.push_back(kComma);
    pieces.push_back(item);
  }
  pieces.push_back(kEnd);
  return pieces;
}

std::vector<SharedBytes> json_of(const ApiAnswer& answer) {
  static const SharedBytes kEnd("\n");
  if (const auto* list = std::get_if<ApiList>(&answer.content)) return json_of(*list);
  return {std::get<SharedBytes>(answer.content), kEnd};
}

Answer<void> DeleteOptions::read(const json::Tree& body) {
  if (body.is_null()) return {};
  if (!body.is_object()) return bad_request("the body of a deletion is no DeleteOptions");
  if (const std::string_view kind = body.text_at("kind"); !kind.empty() && kind != "DeleteOptions")
    return bad_request(fmt::format("expected DeleteOptions, and not {}", kind));
  if (const json::Tree* grace = body.find("gracePeriodSeconds"); grace != nullptr && !grace->is_null()) {
    grace_seconds = grace->as_int64();
    if (!grace_seconds) return bad_request("gracePeriodSeconds is no integer");
  }
  if (const json::Tree* orphan = body.find("orphanDependents"); orphan != nullptr && !orphan->is_null())
    orphans = orphan->as_bool();
  if (const std::string_view policy = body.text_at("propagationPolicy"); !policy.empty())
    propagation = policy;
  if (const std::string_view text = body.text_at("preconditions", "uid"); !text.empty()) uid = text;
  if (const std::string_view text = body.text_at("preconditions", "resourceVersion"); !text.empty())
    resource_version = text;
  return {};
}

}  // namespace gantry::kube
