// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/pull.h"

#include "base/base64.h"
#include "image/transfer/credentials.h"

namespace gantry::cli::docker {

// JSON in base64url.
Result<std::string> registry_auth(const oci::Reference& reference) {
  const auto store = TRY(image::CredentialStore::from_environment());
  const auto credentials = TRY(store.find(reference.registry(), reference.repository()));
  if (!credentials) return std::string("e30=");  // {}
  json::Writer writer;
  writer.begin_object()
      .key("username")
      .value(credentials->username)
      .key("password")
      .value(credentials->password)
      .key("identitytoken")
      .value(credentials->identity_token)
      .key("registrytoken")
      .value(credentials->registry_token)
      .key("serveraddress")
      .value(reference.registry())
      .end_object();
  return to_base64url(std::move(writer).text());
}

Result<void> pull_image(EngineClient& engine, const oci::Reference& image, const std::string& platform,
                        int out, MessageView view) {
  const std::string credentials = TRY(registry_auth(image));
  auto response = TRY(engine.send({.method = "POST",
                                   .path = "/images/create",
                                   .parameters = {{"fromImage", image.str()}, {"platform", platform}},
                                   .headers = {{"X-Registry-Auth", credentials}}}));
  return show_messages(response.body(), out, view);
}

}  // namespace gantry::cli::docker
