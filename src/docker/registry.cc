// SPDX-License-Identifier: Apache-2.0
//
// Questions to registries: whether they take a login, what a name stands for there, what they have.
#include "docker/call.h"
#include "docker/endpoints.h"
#include "image/transfer/registries.h"
#include "oci/image/document.h"
#include "oci/image/image_config.h"
#include "oci/image/reference.h"

namespace gantry::docker {
namespace {

// ---- POST /auth

struct Login {
  std::string username;
  std::string password;
  std::string identity_token;
  std::string registry_token;
  std::string server_address;
};

void fields(json::Fields& f, Login& login) {
  f("username", login.username);
  f("password", login.password);
  f("identitytoken", login.identity_token);
  f("registrytoken", login.registry_token);
  f("serveraddress", login.server_address);
}

struct LoginAnswer {
  std::string status;
  std::string identity_token;
};

void fields(json::Fields& f, LoginAnswer& answer) {
  f("Status", answer.status, json::Presence::Always);
  f("IdentityToken", answer.identity_token, json::Presence::Always);
}

// "https://index.docker.io/v1/" is how docker calls its hub; all others are names or URLs of hosts.
Result<std::string> registry_of(std::string address) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (address.starts_with(scheme)) address.erase(0, scheme.size());
  address.resize(std::min(address.find('/'), address.size()));
  if (address.empty() || address == "index.docker.io" || address == "registry-1.docker.io")
    return std::string(oci::kDockerHub);
  if (!oci::is_registry(address))
    return error(Code::InvalidArgument, "'{}' is not the address of a registry", address);
  return address;
}

Result<void> log_in(const Context& context, Call& call) {
  const Login login = TRY(call.body<Login>());
  const std::string name = TRY(registry_of(login.server_address));
  const image::Credentials credentials{.username = login.username,
                                       .password = login.password,
                                       .identity_token = login.identity_token,
                                       .registry_token = login.registry_token};
  const auto registry = TRY(context.registries.registry(name, credentials));
  Result<bool> done = registry->log_in();
  if (!done && done.error().code() == Code::PermissionDenied) return call.refuse(401, done.error().message());
  if (!done) return std::move(done).error();
  return call.send_object(LoginAnswer{.status = "Login Succeeded"});
}

// ---- GET /distribution/{name}/json

struct DistributionAnswer {
  oci::Descriptor descriptor;
  std::vector<oci::Platform> platforms;
};

void fields(json::Fields& f, DistributionAnswer& answer) {
  f("Descriptor", answer.descriptor, json::Presence::Always);
  f("Platforms", answer.platforms, json::Presence::Always);
}

Result<oci::Platform> platform_of(const image::Route& route, const oci::Manifest& manifest) {
  auto blob = TRY(route.registry->blob(route.repository, manifest.config.digest, {}));
  const std::string config = TRY(read_all(blob.body(), "image config", oci::kMaxConfigBytes));
  TRY(oci::verify(manifest.config, config));
  return TRY(oci::parse_image_config(config)).platform;
}

Result<std::vector<oci::Platform>> platforms_of(const image::Route& route, const oci::Document& document) {
  std::vector<oci::Platform> platforms;
  if (const auto* index = std::get_if<oci::Index>(&document)) {
    for (const oci::Descriptor& manifest : index->manifests)
      if (manifest.platform) platforms.push_back(*manifest.platform);
  } else if (const auto* manifest = std::get_if<oci::Manifest>(&document)) {
    if (oci::is_config(manifest->config.media_type)) platforms.push_back(TRY(platform_of(route, *manifest)));
  }
  return platforms;
}

Result<void> look_up(const Context& context, Call& call) {
  const auto name = TRY_DURING(oci::Reference::parse(call.parameter(0)), "invalid reference format");
  const auto credentials =
      TRY(image::parse_registry_auth(call.request.headers().get_or("X-Registry-Auth", "")));
  const image::Route route = TRY(context.registries.pull_routes(name, credentials)).front();
  const std::string reference = name.digest() ? name.digest()->str() : *name.tag();
  const image::FetchedManifest manifest = TRY(route.registry->manifest(route.repository, reference));
  const oci::Document document = TRY(oci::parse_document(manifest.bytes, manifest.media_type));
  DistributionAnswer answer{.descriptor = oci::describe(oci::media_type_of(document), manifest.bytes)};
  answer.platforms = TRY(platforms_of(route, document));
  return call.send_object(answer);
}

}  // namespace

std::span<const Route> registry_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/auth", log_in},
      {"GET", "/distribution/{name...}/json", look_up},
  };
  return kRoutes;
}

}  // namespace gantry::docker
