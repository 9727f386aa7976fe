// SPDX-License-Identifier: Apache-2.0
//
// POST /grpc and POST /session: the connection becomes HTTP/2 in clear, for BuildKit's clients (buildx,
// compose 2).
#include "buildkit/buildkit.h"
#include "docker/call.h"
#include "docker/context.h"
#include "docker/endpoints.h"

namespace gantry::docker {
namespace {

Result<http::Stream> upgrade_to_h2c(Call& call) {
  if (!call.request.headers().has_token("Upgrade", "h2c"))
    return error(Code::InvalidArgument, "this is for clients that ask for an upgrade to 'h2c'");
  call.response.headers.set("Connection", "Upgrade");
  call.response.headers.set("Upgrade", "h2c");
  return call.response.hijack(101);
}

Result<void> grpc(const Context& context, Call& call) {
  return context.buildkit.serve(TRY(upgrade_to_h2c(call)));
}

Result<void> session(const Context& context, Call& call) {
  const http::HeaderMap& headers = call.request.headers();
  const auto header = [&](const char* name) { return std::string(headers.get_or(name, "")); };
  buildkit::SessionInfo info{.id = header("X-Docker-Expose-Session-Uuid"),
                             .name = header("X-Docker-Expose-Session-Name"),
                             .shared_key = header("X-Docker-Expose-Session-Sharedkey")};
  for (const std::string_view method : headers.all("X-Docker-Expose-Session-Grpc-Method"))
    info.methods.emplace_back(method);
  if (info.id.empty()) return error(Code::InvalidArgument, "a session has no id");
  return context.buildkit.attach(TRY(upgrade_to_h2c(call)), std::move(info));
}

}  // namespace

std::span<const Route> buildkit_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/grpc", grpc},
      {"POST", "/session", session},
  };
  return kRoutes;
}

}  // namespace gantry::docker
