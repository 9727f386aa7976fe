// SPDX-License-Identifier: Apache-2.0
#include "kube/http/request_options.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/printable.h"
#include "kube/connect/query_flag.h"
#include "kube/http/media_type.h"

namespace gantry::kube {
namespace {

std::string text_of(const http::Query& query, std::string_view name) {
  return std::string(query.get(name).value_or(""));
}

Answer<std::optional<std::int64_t>> number_of(const http::Query& query, std::string_view name) {
  const std::string_view text = query.get(name).value_or("");
  if (text.empty()) return std::optional<std::int64_t>();
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size())
    return bad_request(fmt::format("the parameter {} is no number: '{}'", name, printable(text)));
  return std::optional(number);
}

std::optional<bool> flag_of(const http::Query& query, std::string_view name) {
  if (!query.has(name)) return std::nullopt;
  return is_true(query, name);
}

constexpr std::size_t kMaxManager = 128;  // bytes

Status invalid_option(std::string field, std::string reason, std::string message) {
  return invalid("meta.k8s.io", "PatchOptions", "",
                 {{.reason = std::move(reason), .message = std::move(message), .field = std::move(field)}});
}

}  // namespace

Answer<ReadOptions> read_options(const http::Query& query) {
  // Before the rest: what is made already is not destroyed when a TRY in the middle of braces returns (g++
  // 12).
  const auto timeout = TRY(number_of(query, "timeoutSeconds"));
  ReadOptions options{.resource_version = text_of(query, "resourceVersion"),
                      .resource_version_match = text_of(query, "resourceVersionMatch"),
                      .continue_token = text_of(query, "continue"),
                      .label_selector = text_of(query, "labelSelector"),
                      .field_selector = text_of(query, "fieldSelector"),
                      .timeout_seconds = timeout,
                      .allows_bookmarks = is_true(query, "allowWatchBookmarks"),
                      .sends_initial_events = flag_of(query, "sendInitialEvents")};
  const std::int64_t limit = TRY(number_of(query, "limit")).value_or(0);
  if (limit < 0) return bad_request("the parameter limit must not be negative");
  options.limit = static_cast<std::size_t>(limit);
  return options;
}

Answer<WriteOptions> write_options(const http::Query& query) {
  WriteOptions options{.field_manager = text_of(query, "fieldManager"), .is_forced = is_true(query, "force")};
  if (options.field_manager.size() > kMaxManager)
    return invalid_option("fieldManager", "FieldValueTooLong",
                          fmt::format("Too long: may not be more than {} bytes", kMaxManager));
  const std::string_view validation = query.get("fieldValidation").value_or("");
  if (validation == "Ignore")
    options.validation = FieldValidation::Ignore;
  else if (validation == "Strict")
    options.validation = FieldValidation::Strict;
  else if (!validation.empty() && validation != "Warn")
    return bad_request(fmt::format("the parameter fieldValidation is Ignore, Warn or Strict, not '{}'",
                                   printable(validation)));
  return options;
}

Answer<void> check_not_forced(const http::Query& query) {
  if (!query.has("force")) return {};
  return invalid_option("force", "FieldValueForbidden",
                        "Forbidden: may not be specified for non-apply patch");
}

Answer<DeleteOptions> delete_options(const http::Query& query) {
  return DeleteOptions{.grace_seconds = TRY(number_of(query, "gracePeriodSeconds")),
                       .propagation = text_of(query, "propagationPolicy"),
                       .orphans = flag_of(query, "orphanDependents")};
}

Answer<bool> is_dry_run(const http::Query& query) {
  const std::string_view value = query.get("dryRun").value_or("");
  if (value.empty()) return false;
  if (value == "All") return true;
  return bad_request(fmt::format("the parameter dryRun is All, not '{}'", printable(value)));
}

Answer<PatchKind> patch_kind(std::string_view content_type) {
  const std::string name = parse_media_type(content_type).name;
  if (name == "application/json-patch+json") return PatchKind::Json;
  if (name == "application/merge-patch+json") return PatchKind::Merge;
  if (name == "application/strategic-merge-patch+json") return PatchKind::Strategic;
  if (name == "application/apply-patch+yaml" || name == "application/apply-patch+json")
    return PatchKind::Apply;
  return unsupported_media_type(
      fmt::format("a patch of the media type '{}'; there are application/json-patch+json, "
                  "application/merge-patch+json, application/strategic-merge-patch+json and "
                  "application/apply-patch+yaml",
                  printable(name)));
}

}  // namespace gantry::kube
