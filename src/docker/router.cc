// SPDX-License-Identifier: Apache-2.0
#include "docker/router.h"

#include <fmt/format.h>

#include "docker/errors.h"

namespace gantry::docker {
namespace {

// Takes the first segment off: "/a/b" is "a" and "/b".
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool is_brace(std::string_view segment) { return segment.starts_with('{'); }
bool takes_more(std::string_view segment) { return segment.ends_with("...}"); }

struct VersionedPath {
  ApiVersion version = kNewestVersion;
  std::string_view path;
};

// "/v1.41/info" is "/info" in version 1.41.
VersionedPath split_version(std::string_view path) {
  std::string_view rest = path;
  if (!rest.starts_with("/v")) return {kNewestVersion, path};
  const std::string_view segment = take_segment(rest);
  const auto version = ApiVersion::parse(segment.substr(1));
  if (!version) return {kNewestVersion, path};
  return {*version, rest};
}

Result<void> check_version(ApiVersion version) {
  if (version < kOldestVersion)
    return error(
        Code::InvalidArgument,
        "client version {} is too old. Minimum supported API version is {}, please upgrade your client to a "
        "newer version",
        version.str(), kOldestVersion.str());
  if (version > kNewestVersion)
    return error(Code::InvalidArgument, "client version {} is too new. Maximum supported API version is {}",
                 version.str(), kNewestVersion.str());
  return {};
}

// Clients read these off every answer, whether it is one of success or not.
void describe_server(http::HeaderMap& headers) {
  headers.set("Server", fmt::format("Gantry/{} (linux)", GANTRY_VERSION));
  headers.set("Api-Version", kNewestVersion.str());
  headers.set("Docker-Experimental", "false");
  headers.set("Ostype", "linux");
}

bool serves(std::string_view route, std::string_view method) {
  return route == method || (route == "GET" && method == "HEAD");
}

}  // namespace

std::optional<std::vector<std::string_view>> Router::match(std::string_view pattern, std::string_view path) {
  std::vector<std::string_view> found;
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = take_segment(pattern);
    const char* begin = path.data() + 1;
    const std::string_view segment = take_segment(path);
    if (!is_brace(wanted)) {
      if (wanted != segment) return std::nullopt;
      continue;
    }
    if (segment.empty()) return std::nullopt;
    found.emplace_back(segment);
    if (!takes_more(wanted)) continue;
    // As many segments as leave enough for the rest of the pattern.
    for (;;) {
      if (const auto rest = match(pattern, path)) {
        found.insert(found.end(), rest->begin(), rest->end());
        return found;
      }
      if (path.empty()) return std::nullopt;
      const std::string_view more = take_segment(path);
      found.back() = {begin, static_cast<std::size_t>(more.data() + more.size() - begin)};
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return found;
}

Result<void> Router::run(const Route& route, Call& call) const {
  const auto began = std::chrono::steady_clock::now();
  Result<void> done = route.handler(context_, call);
  if (observe_) observe_(route, done.has_value(), std::chrono::steady_clock::now() - began);
  return done;
}

Result<void> Router::dispatch(Call& call, std::string_view path) const {
  TRY(check_version(call.version));
  for (const Route& route : routes_) {
    if (!serves(route.method, call.request.method())) continue;
    const auto found = match(route.pattern, path);
    if (!found) continue;
    for (const std::string_view parameter : *found)
      call.parameters.push_back(TRY(http::percent_decode(parameter)));
    return run(route, call);
  }
  return error(Code::NotFound, "page not found");
}

Result<void> Router::serve(http::Request& request, http::ResponseWriter& response) const {
  describe_server(response.headers);
  const VersionedPath versioned = split_version(request.path());
  Call call{request, response, versioned.version, {}, {}};
  Result<void> done;
  if (auto query = http::Query::parse(request.query())) {
    call.query = std::move(*query);
    done = dispatch(call, versioned.path);
  } else {
    done = std::move(query).error();
  }
  if (done || response.has_started()) return done;
  return call.refuse(status_of(done.error().code()), done.error().message());
}

}  // namespace gantry::docker
