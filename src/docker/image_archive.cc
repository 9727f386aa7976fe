// SPDX-License-Identifier: Apache-2.0
//
// Images as tars: GET /images/get, GET /images/{name}/get, POST /images/load.
#include "docker/call.h"
#include "docker/endpoints.h"
#include "docker/image_events.h"
#include "docker/image_removal.h"
#include "docker/image_views.h"
#include "docker/message_stream.h"
#include "image/archive_io.h"
#include "oci/image/reference.h"

namespace gantry::docker {
namespace {

using oci::Reference;

// Begins the answer with the first byte of the tar, so that what fails before is answered with a status.
class TarAnswer final : public ByteSink {
 public:
  explicit TarAnswer(http::ResponseWriter& response) : response_(response) {}

  Result<void> write(std::span<const std::byte> from) override {
    if (!response_.has_started()) {
      response_.headers.set("Content-Type", "application/x-tar");
      TRY(response_.start(200));
    }
    return response_.write(from);
  }

 private:
  http::ResponseWriter& response_;
};

// ---- save

// A repository without a tag is all that it has.
Result<std::vector<std::string>> names_meant(const Context& context, const std::string& name) {
  const auto reference = Reference::parse_untagged(name);
  if (!reference || reference->tag() || reference->digest()) return std::vector{name};
  std::vector<std::string> names;
  for (const image::Image& image : TRY(context.images.images()))
    for (const image::Image::Name& known : image.names)
      if (const auto other = Reference::parse_untagged(known.name);
          other && other->tag() && other->name() == reference->name())
        names.push_back(known.name);
  return names.empty() ? std::vector{name} : names;
}

Result<void> save(const Context& context, Call& call, const std::vector<std::string>& wanted) {
  std::vector<std::string> names;
  for (const std::string& name : wanted) {
    for (std::string& meant : TRY(names_meant(context, name))) {
      const auto image = find_image(context, meant);
      if (!image) return error(Code::NotFound, "No such image: {}", name);
      publish_image_event(context, "save", *image, image->id.str());
      names.push_back(std::move(meant));
    }
  }
  TarAnswer tar(call.response);
  return image::save(context.images, names, tar, {});
}

Result<void> save_one(const Context& context, Call& call) { return save(context, call, {call.parameter(0)}); }

Result<void> save_several(const Context& context, Call& call) {
  std::vector<std::string> names;
  for (const std::string_view name : call.query.all("names")) names.emplace_back(name);
  if (names.empty()) return error(Code::InvalidArgument, "no image is named: parameter 'names'");
  return save(context, call, names);
}

// ---- load

void tell_loaded(const Context& context, MessageStream& messages, const image::LoadedImage& loaded) {
  for (const std::string& name : loaded.names) {
    const auto reference = Reference::parse(name);
    messages.stream(fmt::format("Loaded image: {}\n", reference ? reference->familiar() : name));
  }
  if (loaded.names.empty()) messages.stream(fmt::format("Loaded image ID: {}\n", loaded.config.str()));
  if (const auto image = context.images.image(loaded.config); image && *image)
    publish_image_event(context, "load", **image, loaded.config.str());
}

Result<void> load_all(const Context& context, Call& call, MessageStream& messages) {
  image::LoadOptions options;
  if (!call.flag("quiet")) options.on_progress = [&](const std::string& line) { messages.status(line); };
  for (const image::LoadedImage& image :
       TRY(image::load(context.images, context.snapshots, call.request.body(), options)))
    tell_loaded(context, messages, image);
  return {};
}

Result<void> load(const Context& context, Call& call) {
  MessageStream messages(call.response);
  return messages.finish(load_all(context, call, messages));
}

}  // namespace

std::span<const Route> image_archive_routes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/images/get", save_several},
      {"GET", "/images/{name...}/get", save_one},
      {"POST", "/images/load", load},
  };
  return kRoutes;
}

}  // namespace gantry::docker
