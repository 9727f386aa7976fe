// SPDX-License-Identifier: Apache-2.0
//
// POST /images/create: an image from a registry, with progress while it comes.
#include <algorithm>
#include <map>

#include "base/mutex.h"
#include "docker/call.h"
#include "docker/client_watch.h"
#include "docker/endpoints.h"
#include "docker/image_events.h"
#include "docker/image_import.h"
#include "docker/message_stream.h"
#include "docker/transfer_progress.h"
#include "engine/usage.h"
#include "image/transfer/puller.h"
#include "image/transfer/registries.h"
#include "oci/image/reference.h"

namespace gantry::docker {
namespace {

using oci::Reference;

// What of a repository is wanted.
struct Wanted {
  Reference name;
  bool all_tags = false;
};

Result<Wanted> parse_wanted(const std::string& image, const std::string& tag) {
  const Reference name = TRY_DURING(Reference::parse_untagged(image), "invalid reference format");
  if (name.digest()) return Wanted{name};
  if (tag.empty()) return Wanted{.name = name, .all_tags = !name.tag()};
  if (tag.find(':') == std::string::npos) return Wanted{TRY_DURING(name.with_tag(tag), "invalid tag format")};
  return Wanted{name.untagged().with_digest(TRY_DURING(oci::Digest::parse(tag), "invalid digest"))};
}

// In the words that clients look for, and with the statuses that go with them.
Error explained(const Reference& name, Error failure) {
  if (failure.code() == Code::NotFound)
    return error(Code::NotFound, "manifest for {} not found: manifest unknown: manifest unknown",
                 name.familiar());
  if (failure.code() == Code::PermissionDenied)
    return error(Code::NotFound,
                 "pull access denied for {}, repository does not exist or may require 'docker login': {}",
                 name.familiar_name(), failure.message());
  return failure;
}

// Counts the bytes that really come, on their way to who shows them.
class CountedProgress final : public image::ProgressSink {
 public:
  explicit CountedProgress(image::ProgressSink& next) : next_(next) {}

  void on_blob(const image::TransferEvent& event) override {
    if (event.state == image::TransferState::Downloading) {
      MutexLock lock(mutex_);
      std::uint64_t& received = received_[event.blob.digest];
      received = std::max(received, event.done);
    }
    next_.on_blob(event);
  }
  void on_note(std::string_view line) override { next_.on_note(line); }

  std::uint64_t bytes() const {
    MutexLock lock(mutex_);
    std::uint64_t sum = 0;
    for (const auto& [blob, received] : received_) sum += received;
    return sum;
  }

 private:
  image::ProgressSink& next_;
  mutable Mutex mutex_;  // guards what follows
  std::map<oci::Digest, std::uint64_t> received_ GUARDED_BY(mutex_);
};

class Pull {
 public:
  Pull(const Context& context, Call& call, image::PullOptions options)
      : context_(context),
        response_(call.response),
        options_(std::move(options)),
        messages_(call.response, [this] { give_up(); }) {
    options_.cancellation = &cancellation_;
    options_.unpack_all = true;
  }

  Result<void> run(const Wanted& wanted) {
    const auto watch = TRY(ClientWatch::start(response_, [this] { give_up(); }));
    return messages_.finish(pull(wanted));
  }

 private:
  Result<void> pull(const Wanted& wanted) {
    if (!wanted.all_tags) return pull_one(wanted.name);
    for (const std::string& tag : TRY(tags_of(wanted.name))) TRY(pull_one(TRY(wanted.name.with_tag(tag))));
    return {};
  }

  Result<std::vector<std::string>> tags_of(const Reference& name) {
    const image::Route route =
        TRY(context_.registries.pull_routes(TRY(name.with_tag(oci::kDefaultTag)), options_.credentials))
            .back();
    Result<std::vector<std::string>> tags = route.registry->tags(route.repository);
    if (!tags) return explained(name, std::move(tags).error());
    return tags;
  }

  Result<void> pull_one(const Reference& name) {
    TransferProgress progress(
        messages_, Direction::Pull,
        {"Pulling from " + name.repository(), name.tag() ? *name.tag() : name.digest()->str()});
    CountedProgress counted(progress);
    auto pulled =
        image::pull(context_.images, context_.snapshots, context_.registries, name, options_, counted);
    if (!pulled) return explained(name, std::move(pulled).error());
    progress.begin();
    note_usage(pulled->id, counted.bytes());
    messages_.status("Digest: " + pulled->digest.str());
    messages_.status(fmt::format("Status: {} for {}",
                                 pulled->is_new ? "Downloaded newer image" : "Image is up to date",
                                 name.familiar()));
    publish_transfer_event(context_, "pull", name);
    return {};
  }

  // The image is there either way.
  void note_usage(const oci::Digest& image, std::uint64_t bytes) {
    if (const Result<void> noted = context_.usage.add_pulled(image.str(), bytes); !noted)
      context_.log.warn("the bytes of a pull are missing in the usage accounts",
                        {{"image", image.str()}, {"bytes", bytes}, {"error", noted.error().message()}});
  }

  void give_up() { cancellation_.cancel("the client has gone"); }

  const Context& context_;
  const http::ResponseWriter& response_;
  image::Cancellation cancellation_;
  image::PullOptions options_;
  MessageStream messages_;
};

Result<void> create(const Context& context, Call& call) {
  if (!call.text("fromSrc").empty()) return import_image(context, call);
  const Wanted wanted = TRY(parse_wanted(call.text("fromImage"), call.text("tag")));
  image::PullOptions options;
  if (const std::string platform = call.text("platform"); !platform.empty())
    options.platform = TRY(oci::Platform::parse(platform));
  options.credentials = TRY(image::parse_registry_auth(call.request.headers().get_or("X-Registry-Auth", "")));
  return Pull(context, call, std::move(options)).run(wanted);
}

}  // namespace

std::span<const Route> image_create_routes() {
  static constexpr Route kRoutes[] = {{"POST", "/images/create", create}};
  return kRoutes;
}

}  // namespace gantry::docker
