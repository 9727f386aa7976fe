// SPDX-License-Identifier: Apache-2.0
#include "kube/http/request_info.h"

#include <algorithm>
#include <span>
#include <vector>

#include "base/lower_case.h"
#include "kube/connect/query_flag.h"

namespace gantry::kube {
namespace {

std::string_view verb_of(std::string_view method) {
  if (method == "POST") return "create";
  if (method == "GET" || method == "HEAD") return "get";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return "delete";
  return {};
}

// Without empty ones at both ends.
Result<std::vector<std::string>> segments_of(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string> segments;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.push_back(TRY(http::percent_decode(path.substr(0, end))));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return segments;
}

// The object that is named although its collection is asked for: what may be allowed by name.
std::string name_in_selector(const http::Query& query) {
  constexpr std::string_view kName = "metadata.name=";
  const std::string_view selector = query.get("fieldSelector").value_or("");
  if (!selector.starts_with(kName) || selector.find(',') != std::string_view::npos) return {};
  std::string_view name = selector.substr(kName.size());
  if (name.starts_with('=')) name.remove_prefix(1);
  return std::string(name);
}

std::string take(std::span<const std::string>& segments) {
  if (segments.empty()) return {};
  std::string first = segments.front();
  segments = segments.subspan(1);
  return first;
}

// From the version on. "namespaces/x/pods" is about pods, "namespaces/x" and "namespaces/x/status" about x.
void read_resource(RequestInfo& info, std::span<const std::string> segments) {
  if (segments.front() == "namespaces" && segments.size() > 1) {
    info.name_space = segments[1];
    const bool is_inside = segments.size() > 2 && segments[2] != "status" && segments[2] != "finalize";
    if (is_inside) segments = segments.subspan(2);
  }
  info.resource = take(segments);
  info.name = take(segments);
  info.subresource = take(segments);
  for (const std::string& segment : segments) info.rest.append(info.rest.empty() ? "" : "/").append(segment);
}

}  // namespace

Result<RequestInfo> read_request_info(std::string_view method, std::string_view path,
                                      const http::Query& query) {
  RequestInfo info{.verb = in_lower_case(method)};
  info.path = TRY(http::percent_decode(path));
  const std::vector<std::string> all = TRY(segments_of(path));
  std::span<const std::string> segments = all;
  const std::size_t fixed = segments.empty() ? 0 : segments[0] == "api" ? 2 : segments[0] == "apis" ? 3 : 0;
  if (fixed == 0 || segments.size() <= fixed) return info;
  const std::string_view verb = verb_of(method);
  if (verb.empty()) return info;
  info.is_resource = true;
  info.verb = verb;
  if (fixed == 3) info.group = segments[1];
  info.version = segments[fixed - 1];
  segments = segments.subspan(fixed);
  // The form of long ago: /api/v1/watch/pods.
  const bool is_old_watch = segments.front() == "watch" && segments.size() > 1 && info.verb == "get";
  if (is_old_watch) segments = segments.subspan(1);
  read_resource(info, segments);

  if (is_old_watch || (info.verb == "get" && info.name.empty() && is_true(query, "watch")))
    info.verb = "watch";
  else if (info.verb == "get" && info.name.empty())
    info.verb = "list";
  else if (info.verb == "delete" && info.name.empty())
    info.verb = "deletecollection";
  if (info.name.empty() && info.verb != "create") info.name = name_in_selector(query);
  return info;
}

}  // namespace gantry::kube
