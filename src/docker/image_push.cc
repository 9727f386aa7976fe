// SPDX-License-Identifier: Apache-2.0
//
// POST /images/{name}/push: to the registry that the name says.
#include <algorithm>

#include "base/json.h"
#include "docker/call.h"
#include "docker/client_watch.h"
#include "docker/endpoints.h"
#include "docker/image_events.h"
#include "docker/message_stream.h"
#include "docker/transfer_progress.h"
#include "image/transfer/pusher.h"
#include "image/transfer/registries.h"
#include "oci/image/reference.h"

namespace gantry::docker {
namespace {

using oci::Reference;

// What is meant: one tag, or all names in the store of that repository.
Result<std::vector<Reference>> names_meant(const Context& context, const Reference& repository) {
  std::vector<Reference> names;
  for (const image::Image& image : TRY(context.images.images()))
    for (const image::Image::Name& name : image.names)
      if (auto reference = Reference::parse_untagged(name.name);
          reference && reference->tag() && reference->name() == repository.name())
        names.push_back(*std::move(reference));
  if (names.empty())
    return error(Code::NotFound, "An image does not exist locally with the tag: {}",
                 repository.familiar_name());
  if (!repository.tag()) return names;
  if (std::ranges::find(names, repository.str(), &Reference::str) == names.end())
    return error(Code::NotFound, "tag does not exist: {}", repository.familiar());
  return std::vector<Reference>{repository};
}

std::string result_json(const Reference& name, const image::Pushed& pushed) {
  json::Writer writer;
  writer.begin_object();
  writer.key("Tag").value(*name.tag());
  writer.key("Digest").value(pushed.digest.str());
  writer.key("Size").value(pushed.size);
  writer.end_object();
  return std::move(writer).text();
}

class Push {
 public:
  Push(const Context& context, Call& call, image::PushOptions options)
      : context_(context),
        response_(call.response),
        options_(std::move(options)),
        messages_(call.response, [this] { give_up(); }) {
    options_.cancellation = &cancellation_;
  }

  Result<void> run(const Reference& wanted) {
    const auto watch = TRY(ClientWatch::start(response_, [this] { give_up(); }));
    messages_.status(fmt::format("The push refers to repository [{}]", wanted.name()));
    return messages_.finish(push(wanted));
  }

 private:
  Result<void> push(const Reference& wanted) {
    for (const Reference& name : TRY(names_meant(context_, wanted))) TRY(push_one(name));
    return {};
  }

  Result<void> push_one(const Reference& name) {
    TransferProgress progress(messages_, Direction::Push);
    const image::Pushed pushed =
        TRY(image::push(context_.images, context_.registries, name, options_, progress));
    messages_.status(fmt::format("{}: digest: {} size: {}", *name.tag(), pushed.digest.str(), pushed.size));
    messages_.aux(result_json(name, pushed));
    publish_transfer_event(context_, "push", name);
    return {};
  }

  void give_up() { cancellation_.cancel("the client has gone"); }

  const Context& context_;
  const http::ResponseWriter& response_;
  image::Cancellation cancellation_;
  image::PushOptions options_;
  MessageStream messages_;
};

// {"os": "linux", "architecture": "arm", "variant": "v5"}
Result<std::optional<oci::Platform>> parse_platform(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const json::Document document = TRY_DURING(json::Document::parse(text), "invalid platform");
  return TRY_DURING(json::decode<oci::Platform>(document.root()), "invalid platform");
}

Result<void> push(const Context& context, Call& call) {
  Reference name = TRY_DURING(Reference::parse_untagged(call.parameter(0)), "invalid reference format");
  if (name.digest()) return error(Code::InvalidArgument, "cannot push a digest reference");
  image::PushOptions options;
  options.platform = TRY(parse_platform(call.text("platform")));
  options.credentials = TRY(image::parse_registry_auth(call.request.headers().get_or("X-Registry-Auth", "")));
  if (const std::string tag = call.text("tag"); !tag.empty())
    name = TRY_DURING(name.with_tag(tag), "invalid tag format");
  return Push(context, call, std::move(options)).run(name);
}

}  // namespace

std::span<const Route> image_push_routes() {
  static constexpr Route kRoutes[] = {{"POST", "/images/{name...}/push", push}};
  return kRoutes;
}

}  // namespace gantry::docker
