// SPDX-License-Identifier: Apache-2.0
#include "docker/image_import.h"

#include <fmt/format.h>

#include "base/json_codec.h"
#include "docker/config_changes.h"
#include "docker/image_events.h"
#include "docker/message_stream.h"
#include "http/client.h"
#include "image/archive_io.h"
#include "oci/image/image_config.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"

namespace gantry::docker {
namespace {

// Empty: the image is to have an id only.
Result<std::string> name_of(const Call& call) {
  const std::string repository = call.text("repo");
  if (repository.empty()) return std::string();
  oci::Reference name = TRY_DURING(oci::Reference::parse(repository), "invalid reference format");
  if (name.digest()) return error(Code::InvalidArgument, "cannot import digest reference");
  if (const std::string tag = call.text("tag"); !tag.empty())
    name = TRY_DURING(name.with_tag(tag), "invalid tag format");
  return name.str();
}

Result<std::string> platform_of(const Call& call) {
  const std::string platform = call.text("platform");
  if (platform.empty()) return std::string();
  return TRY(oci::Platform::parse(platform)).str();
}

Result<http::ClientResponse> fetch(const std::string& address) {
  const bool has_scheme = address.find("://") != std::string::npos;
  const http::Url url = TRY(http::Url::parse(has_scheme ? address : "http://" + address));
  http::Client client(TRY(http::ClientOptions::from_environment()));
  http::ClientResponse response = TRY(client.send({.url = url}));
  if (!response.is_success())
    return error(http::code_of_status(response.status()), "fetch '{}': status {}", url.str(),
                 response.status());
  return response;
}

Result<void> import_from(const Context& context, ByteSource& tar, const image::ImportOptions& options,
                         MessageStream& messages) {
  const image::LoadedImage loaded = TRY(image::import_tar(context.images, context.snapshots, tar, options));
  messages.status(loaded.config.str());
  if (const auto image = TRY(context.images.image(loaded.config)))
    publish_image_event(context, "import", *image, options.name);
  return {};
}

}  // namespace

Result<void> import_image(const Context& context, Call& call) {
  image::ImportOptions options;
  options.name = TRY(name_of(call));
  options.platform = TRY(platform_of(call));
  const std::string source = call.text("fromSrc"), message = call.text("message");
  options.comment = message.empty() ? "Imported from " + source : message;
  oci::ContainerConfig config;
  TRY(apply_changes(call.query.all("changes"), config));
  options.config = json::encode(config);

  MessageStream messages(call.response);
  if (source == "-") return messages.finish(import_from(context, call.request.body(), options, messages));
  http::ClientResponse response = TRY(fetch(source));
  messages.status("Downloading from " + source);
  return messages.finish(import_from(context, response.body(), options, messages));
}

}  // namespace gantry::docker
