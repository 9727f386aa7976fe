// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/pod_streams.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include "base/timestamp.h"
#include "kube/api/tree_lists.h"
#include "kube/connect/query_flag.h"

namespace gantry::kube {
namespace {

// ---- Which container

std::vector<std::string> names_in(const json::Tree& pod, std::string_view list) {
  std::vector<std::string> names;
  if (const json::Tree* spec = pod.find("spec"))
    for (const json::Tree& container : list_of(*spec, list)) names.emplace_back(container.text_at("name"));
  return names;
}

bool has_container(const json::Tree& pod, std::string_view name) {
  for (const char* list : {"containers", "initContainers", "ephemeralContainers"}) {
    const std::vector<std::string> names = names_in(pod, list);
    if (std::ranges::find(names, name) != names.end()) return true;
  }
  return false;
}

Answer<std::string> container_of(const json::Tree& pod, std::string_view asked) {
  const std::string_view pod_name = pod.text_at("metadata", "name");
  if (!asked.empty()) {
    if (has_container(pod, asked)) return std::string(asked);
    return bad_request(fmt::format("container {} is not valid for pod {}", asked, pod_name));
  }
  std::vector<std::string> names = names_in(pod, "containers");
  if (names.size() == 1) return std::move(names.front());
  std::string refusal = fmt::format("a container name must be specified for pod {}", pod_name);
  if (names.empty()) return bad_request(std::move(refusal));
  refusal += fmt::format(", choose one of: [{}]", fmt::join(names, " "));
  if (const std::vector<std::string> first = names_in(pod, "initContainers"); !first.empty())
    refusal += fmt::format(" or one of the init containers: [{}]", fmt::join(first, " "));
  return bad_request(std::move(refusal));
}

// ---- Parameters

// 422 in the words that the kind PodLogOptions has.
class LogOptions {
 public:
  explicit LogOptions(const http::Query& query) : query_(query) {}

  Answer<http::Query> read(std::string_view pod) {
    for (const char* name : {"follow", "previous", "timestamps"})
      if (is_true(query_, name)) asked_.add(name, "true");
    TRY(add_number("sinceSeconds", 1, "must be greater than 0"));
    TRY(add_time("sinceTime"));
    TRY(add_number("tailLines", 0, "must be greater than or equal to 0"));
    TRY(add_number("limitBytes", 1, "must be greater than 0"));
    TRY(add_stream());
    if (asked_.has("sinceSeconds") && asked_.has("sinceTime"))
      refuse("FieldValueForbidden", "",
             "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified");
    if (!causes_.empty()) return invalid("", "PodLogOptions", pod, std::move(causes_));
    return std::move(asked_);
  }

 private:
  void refuse(std::string reason, std::string field, std::string message) {
    causes_.push_back(
        {.reason = std::move(reason), .message = std::move(message), .field = std::move(field)});
  }

  Answer<void> add_number(const char* name, std::int64_t least, std::string_view rule) {
    const std::string_view text = query_.get(name).value_or("");
    if (text.empty()) return {};
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size())
      return bad_request(fmt::format("{}: \"{}\" is no whole number", name, text));
    if (number < least) refuse("FieldValueInvalid", name, fmt::format("Invalid value: {}: {}", number, rule));
    asked_.add(name, std::to_string(number));
    return {};
  }

  Answer<void> add_time(const char* name) {
    const std::string_view text = query_.get(name).value_or("");
    if (text.empty()) return {};
    if (!parse_timestamp(text)) return bad_request(fmt::format("{}: \"{}\" is no time", name, text));
    asked_.add(name, std::string(text));
    return {};
  }

  Answer<void> add_stream() {
    const std::string_view stream = query_.get("stream").value_or("");
    if (stream.empty() || stream == "All") return {};
    if (stream != "Stdout" && stream != "Stderr")
      refuse("FieldValueNotSupported", "stream",
             fmt::format("Unsupported value: \"{}\": supported values: \"All\", \"Stderr\", \"Stdout\"",
                         stream));
    asked_.add("stream", std::string(stream));
    if (asked_.has("tailLines"))
      refuse("FieldValueForbidden", "",
             "Forbidden: `tailLines` and specific `stream` are mutually exclusive for now");
    return {};
  }

  const http::Query& query_;
  http::Query asked_;
  std::vector<Cause> causes_;
};

http::Query stream_options(const http::Query& query) {
  http::Query asked;
  constexpr std::pair<const char*, const char*> kNames[] = {
      {"stdin", "input"}, {"stdout", "output"}, {"stderr", "error"}, {"tty", "tty"}};
  for (const auto& [name, agents_name] : kNames)
    if (is_true(query, name)) asked.add(agents_name, "1");
  for (const std::string_view word : query.all("command")) asked.add("command", std::string(word));
  return asked;
}

http::Query port_options(const http::Query& query) {
  http::Query asked;
  if (const auto ports = query.all("ports"); !ports.empty())
    asked.add("port", fmt::format("{}", fmt::join(ports, ",")));
  return asked;
}

std::string path_of(const json::Tree& pod, std::string_view verb) {
  return fmt::format("/{}/{}/{}", verb, pod.text_at("metadata", "namespace"),
                     pod.text_at("metadata", "name"));
}

}  // namespace

Answer<AgentTarget> agent_target(const json::Tree& pod, std::string_view subresource,
                                 const http::Query& query) {
  if (subresource == "portforward") return AgentTarget{path_of(pod, "portForward"), port_options(query)};
  const std::string container = TRY(container_of(pod, query.get("container").value_or("")));
  const bool is_log = subresource == "log";
  http::Query asked =
      is_log ? TRY(LogOptions(query).read(pod.text_at("metadata", "name"))) : stream_options(query);
  std::string path = path_of(pod, is_log ? "containerLogs" : subresource);
  return AgentTarget{fmt::format("{}/{}", path, container), std::move(asked)};
}

}  // namespace gantry::kube
