// SPDX-License-Identifier: Apache-2.0
//
// From a request's method and path to the function that serves it. Every file of endpoints says what it
// serves in a table, and server.cc gathers the tables:
//
//   std::span<const Route> volume_routes() {
//     static constexpr Route kRoutes[] = {
//         {"GET", "/volumes", list_volumes},
//         {"GET", "/volumes/{name}", inspect_volume},
//     };
//     return kRoutes;
//   }
//
// "{name}" is one segment of the path, "{name...}" one or more (names of images have slashes). Of two that
// match, the one that was added first is taken. HEAD goes to a route for GET where there is none of its own.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "docker/call.h"
#include "docker/context.h"

namespace gantry::docker {

struct Route {
  std::string_view method;
  std::string_view pattern;
  Result<void> (*handler)(const Context&, Call&);
};

class Router {
 public:
  // `observe` is told when a handler has returned, and may be empty.
  using Observe = std::function<void(const Route&, bool is_success, std::chrono::nanoseconds duration)>;
  explicit Router(const Context& context, Observe observe = {})
      : context_(context), observe_(std::move(observe)) {}

  void add(std::span<const Route> routes) { routes_.insert(routes_.end(), routes.begin(), routes.end()); }

  // Answers the request, also when it fails: an http::Handler. From any thread, once all routes are there.
  Result<void> serve(http::Request& request, http::ResponseWriter& response) const;

  // What of `path` the pattern's braces match; nullopt when it does not match. Percent-encoded as it was.
  static std::optional<std::vector<std::string_view>> match(std::string_view pattern, std::string_view path);

 private:
  Result<void> run(const Route& route, Call& call) const;
  Result<void> dispatch(Call& call, std::string_view path) const;

  const Context& context_;
  const Observe observe_;
  std::vector<Route> routes_;
};

}  // namespace gantry::docker
