// SPDX-License-Identifier: Apache-2.0
#include "kube/server/read_parameters.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/random.h"

namespace gantry::kube {

// A collection can be selected by the fields of all versions of its kind; a client by those of the version
// that he asks in.
static Answer<void> check_fields(const Resource& resource, const FieldSelector& fields) {
  for (const FieldSelector::Requirement& requirement : fields.requirements()) {
    const std::string& field = requirement.field;
    if (field == "metadata.name" || field == "metadata.namespace") continue;
    if (std::ranges::find(resource.selectable_fields, field) == resource.selectable_fields.end())
      return bad_request(fmt::format("field label not supported: {}", field));
  }
  return {};
}

Answer<Selection> selection_of(const Collection& collection, const ApiRequest& request) {
  LabelSelector labels = TRY(LabelSelector::parse(request.read.label_selector));
  const FieldSelector fields = TRY(FieldSelector::parse(request.read.field_selector));
  TRY(check_fields(request.resource, fields));
  return Selection::make(request.name_space, std::move(labels), fields, collection.fields()->fields);
}

Answer<Selection> selection_by_names(const Collection& collection, const ApiRequest& request) {
  const FieldSelector fields = TRY(FieldSelector::parse(request.read.field_selector));
  TRY(check_fields(request.resource, fields));
  return Selection::make(request.name_space, {}, fields.of_names(), collection.fields()->fields);
}

namespace {

constexpr std::string_view kMatch = "resourceVersionMatch";

// What is wrong with the parameters, as the kind ListOptions says it.
class Faults {
 public:
  void forbid(bool is_wrong, std::string_view field, std::string_view why) {
    if (!is_wrong) return;
    causes_.push_back({.reason = "FieldValueForbidden",
                       .message = fmt::format("Forbidden: {}", why),
                       .field = std::string(field)});
  }
  void unsupported(std::string_view value, std::string_view supported) {
    causes_.push_back(
        {.reason = "FieldValueNotSupported",
         .message = fmt::format("Unsupported value: \"{}\": supported values: {}", value, supported),
         .field = std::string(kMatch)});
  }
  Answer<void> done() && {
    if (causes_.empty()) return {};
    return invalid("meta.k8s.io", "ListOptions", "", std::move(causes_));
  }

 private:
  std::vector<Cause> causes_;
};

Answer<void> check_list(const ReadOptions& options) {
  const std::string& match = options.resource_version_match;
  Faults faults;
  if (!match.empty()) {
    faults.forbid(options.resource_version.empty(), kMatch,
                  "resourceVersionMatch is forbidden unless resourceVersion is provided");
    faults.forbid(!options.continue_token.empty(), kMatch,
                  "resourceVersionMatch is forbidden when continue is provided");
    if (match != "Exact" && match != "NotOlderThan")
      faults.unsupported(match, "\"Exact\", \"NotOlderThan\", \"\"");
    faults.forbid(match == "Exact" && options.resource_version == "0", kMatch,
                  "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  }
  faults.forbid(options.sends_initial_events.has_value(), "sendInitialEvents",
                "sendInitialEvents is forbidden for list");
  return std::move(faults).done();
}

Answer<void> check_watch(const ReadOptions& options) {
  const std::string& match = options.resource_version_match;
  const bool is_streamed = options.sends_initial_events.has_value();
  Faults faults;
  faults.forbid(is_streamed && match != "NotOlderThan", kMatch,
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  if (!match.empty()) {
    faults.forbid(!is_streamed, kMatch,
                  "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    if (match != "NotOlderThan") faults.unsupported(match, "\"NotOlderThan\"");
    faults.forbid(!options.continue_token.empty(), kMatch,
                  "resourceVersionMatch is forbidden when continue is provided");
  }
  return std::move(faults).done();
}

}  // namespace

Answer<ListRequest> list_request(const ApiRequest& request, Selection selection) {
  const ReadOptions& options = request.read;
  TRY(check_list(options));
  ListRequest list{
      .selection = std::move(selection), .limit = options.limit, .continue_token = options.continue_token};
  list.version.revision = TRY(parse_revision(options.resource_version));
  if (options.resource_version_match == "Exact") list.version.match = RevisionMatch::Exact;
  if (options.resource_version_match == "NotOlderThan") list.version.match = RevisionMatch::NotOlderThan;
  return list;
}

Answer<ReadVersion> watch_version(const ReadOptions& options) {
  TRY(check_watch(options));
  return ReadVersion{.revision = TRY(parse_revision(options.resource_version))};
}

std::chrono::milliseconds watch_time(const ReadOptions& options) {
  static constexpr std::chrono::seconds kLeast{1800};
  // What a client says and what nobody means: no more than the clock can hold.
  static constexpr std::int64_t kMost = 365 * 24 * 3600;
  if (options.timeout_seconds && *options.timeout_seconds > 0)
    return std::chrono::seconds(std::min(*options.timeout_seconds, kMost));
  std::byte spread{};
  fill_random(std::span(&spread, 1));
  return kLeast + kLeast * std::to_integer<int>(spread) / 256;
}

}  // namespace gantry::kube
