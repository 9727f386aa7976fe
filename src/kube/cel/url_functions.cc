// SPDX-License-Identifier: Apache-2.0
//
// Kubernetes' library for URLs.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "kube/cel/function.h"
#include "kube/cel/url_text.h"

namespace gantry::kube::cel {
namespace {

const UrlParts& url(const Call& call) { return call[0].opaque<UrlParts>(); }

Value make_url(const Call& call) {
  const auto parts = parse_url(call.text(0));
  if (!parts)
    return call.error(fmt::format("URL parse error during conversion from string: {}", parts.error()));
  return Value::of_opaque(Kind::Url, call.memory.make(*parts));
}

Value query(const Call& call) {
  std::map<std::string, std::vector<std::string>> by_key;
  for (auto& [key, value] : query_of(url(call))) by_key[key].push_back(std::move(value));
  const std::span<Entry> entries = call.memory.array<Entry>(by_key.size());
  std::size_t next = 0;
  for (const auto& [key, values] : by_key) {
    const std::span<Value> list = call.memory.array<Value>(values.size());
    std::ranges::transform(values, list.begin(), [&](const std::string& text) { return call.string(text); });
    entries[next++] = {call.string(key), Value::of_list(list)};
  }
  return Value::of_map(entries);
}

constexpr Declaration kFunctions[] = {
    {"url(string) -> url", Cost::Text, make_url},
    {"isURL(string) -> bool", Cost::One,
     [](const Call& call) { return Value::of_bool(parse_url(call.text(0)).has_value()); }},
    {".getScheme(url) -> string", Cost::One,
     [](const Call& call) { return Value::of_string(url(call).scheme); }},
    {".getHost(url) -> string", Cost::One, [](const Call& call) { return Value::of_string(url(call).host); }},
    {".getHostname(url) -> string", Cost::One,
     [](const Call& call) { return Value::of_string(host_name_of(url(call))); }},
    {".getPort(url) -> string", Cost::One,
     [](const Call& call) { return Value::of_string(port_of(url(call))); }},
    {".getEscapedPath(url) -> string", Cost::One,
     [](const Call& call) { return call.string(escaped_path_of(url(call))); }},
    {".getQuery(url) -> map(string, list(string))", Cost::One, query},
};

}  // namespace

std::span<const Declaration> url_functions() { return kFunctions; }

}  // namespace gantry::kube::cel
