// SPDX-License-Identifier: Apache-2.0
#include "registry/upstreams.h"

#include "base/file.h"
#include "http/message.h"
#include "image/transfer/download.h"
#include "oci/image/document.h"
#include "oci/image/reference.h"

namespace gantry::registry {

using image::Route;
using oci::Digest;

class Upstreams::Turn {
 public:
  Turn(Upstreams& upstreams, std::string key) : upstreams_(upstreams), key_(std::move(key)) {
    const MutexLock lock(upstreams_.mutex_);
    while (!upstreams_.fetching_.insert(key_).second) upstreams_.fetched_.wait(upstreams_.mutex_);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    const MutexLock lock(upstreams_.mutex_);
    upstreams_.fetching_.erase(key_);
    upstreams_.fetched_.notify_all();
  }

 private:
  Upstreams& upstreams_;
  const std::string key_;
};

Result<std::unique_ptr<Upstreams>> Upstreams::open(const std::vector<UpstreamConfig>& configs,
                                                   image::ImageStore& store, const Logger& log) {
  std::unique_ptr<Upstreams> upstreams(new Upstreams(store, log));
  for (const UpstreamConfig& config : configs) {
    Upstream upstream{.config = config};
    if (!config.username.empty()) {
      std::string password =
          TRY_DURING(read_file(config.password_file, 64 << 10), "upstream '{}'", config.prefix);
      password.erase(password.find_last_not_of("\r\n") + 1);
      upstream.credentials = image::Credentials{.username = config.username, .password = std::move(password)};
    }
    upstreams->upstreams_.push_back(std::move(upstream));
  }
  if (configs.empty()) return upstreams;
  image::RegistriesOptions options = TRY(image::RegistriesOptions::from_host());
  // Whoever may pull from here would pull with the logins of the account that the registry runs under.
  options.credentials = {};
  options.retry.attempts = 3;  // somebody waits for the answer
  upstreams->registries_ = std::make_unique<image::Registries>(std::move(options));
  return upstreams;
}

const Upstreams::Upstream* Upstreams::find(std::string_view repository) const {
  for (const Upstream& upstream : upstreams_)
    if (repository.starts_with(upstream.config.prefix) &&
        repository.substr(upstream.config.prefix.size()).starts_with('/'))
      return &upstream;
  return nullptr;
}

Result<std::vector<Route>> Upstreams::routes(const Upstream& upstream, std::string_view repository) {
  const auto reference =
      TRY(oci::Reference::of(upstream.config.registry, repository.substr(upstream.config.prefix.size() + 1)));
  return registries_->pull_routes(reference, upstream.credentials);
}

Result<void> Upstreams::want_manifest(std::string_view repository, const std::string& reference) {
  const Upstream* upstream = find(repository);
  if (upstream == nullptr) return {};
  const std::string key = fmt::format("{}:{}", repository, reference);
  const Turn turn(*this, key);

  std::optional<image::ImageStore::ManifestInfo> here;
  if (oci::is_tag(reference)) {
    here = TRY(store_.repositories().tagged(repository, reference));
    const MutexLock lock(mutex_);
    const auto believed = believed_until_.find(key);
    if (here && believed != believed_until_.end() && Clock::now() < believed->second) return {};
  } else {
    here = TRY(store_.repositories().manifest(repository, TRY(Digest::parse(reference))));
    if (here) return {};
  }
  Result<void> refreshed =
      refresh(*upstream, repository, reference, here ? std::optional(here->digest) : std::nullopt);
  if (!refreshed) {
    if (!here || refreshed.error().code() == Code::NotFound) return refreshed;
    log_.warn("upstream registry does not answer; what is here is given out",
              {{"repository", repository}, {"reference", reference}, {"error", refreshed.error().message()}});
  }
  const MutexLock lock(mutex_);
  if (believed_until_.size() > 10'000) believed_until_.clear();  // they are asked for again, no more
  believed_until_[key] = Clock::now() + std::chrono::seconds(upstream->config.refresh_seconds);
  return {};
}

Result<void> Upstreams::refresh(const Upstream& upstream, std::string_view repository,
                                const std::string& reference, const std::optional<Digest>& known) {
  Result<void> last = error(Code::Unavailable, "no registry to ask");
  for (const Route& route : TRY(routes(upstream, repository))) {
    if (known) {
      const auto info = route.registry->manifest_info(route.repository, reference);
      if (info && *info && (*info)->digest == *known) return {};
    }
    auto fetched = route.registry->manifest(route.repository, reference);
    if (!fetched) {
      last = std::move(fetched).error();
      continue;
    }
    const oci::Document document = TRY(oci::parse_document(fetched->bytes, fetched->media_type));
    image::PutOptions options{.by = upstream.config.registry, .is_partial = true};
    if (oci::is_tag(reference))
      options.tag = reference;
    else
      options.digest = TRY(Digest::parse(reference));
    TRY(store_.repositories().put_manifest(repository, fetched->bytes, document, options));
    return {};
  }
  return last;
}

Result<void> Upstreams::want_blob(std::string_view repository, const Digest& digest, const Begin& begin) {
  const Upstream* upstream = find(repository);
  if (upstream == nullptr) return {};
  const Turn turn(*this, fmt::format("{}@{}", repository, digest.str()));
  if (TRY(store_.repositories().blob(repository, digest))) return {};
  Result<void> last = error(Code::Unavailable, "no registry to ask");
  bool has_begun = false;
  const Begin begin_once = [&](std::uint64_t size) {
    has_begun = true;
    return begin(size);
  };
  for (const Route& route : TRY(routes(*upstream, repository))) {
    last = fetch_blob(route, repository, digest, begin_once);
    if (last || has_begun) return last;  // bytes that were given out are not given out again
  }
  return last;
}

// From the head of an answer for its first byte, since a download has to know.
static Result<std::uint64_t> size_of(const Route& route, const Digest& digest) {
  const http::ClientResponse response =
      TRY(route.registry->blob(route.repository, digest, {.offset = 0, .length = 1}));
  if (response.status() == 206) {
    const auto range = TRY(http::parse_content_range(response.headers().get_or("Content-Range", "")));
    if (range.size) return *range.size;
  }
  if (response.status() != 206 && response.body_length()) return *response.body_length();
  return error(Code::DataLoss, "'{}' does not tell the size of blob '{}'", route.registry->name(),
               digest.str());
}

namespace {

// Two at once: the store, and whoever waits for the bytes, for as long as they do.
class Both final : public ByteSink {
 public:
  Both(ByteSink& first, ByteSink* second) : first_(first), second_(second) {}
  Result<void> write(std::span<const std::byte> from) override {
    if (second_ != nullptr && !second_->write(from)) second_ = nullptr;
    return first_.write(from);
  }

 private:
  ByteSink& first_;
  ByteSink* second_;
};

}  // namespace

Result<void> Upstreams::fetch_blob(const Route& route, std::string_view repository, const Digest& digest,
                                   const Begin& begin) {
  oci::Descriptor blob{.digest = digest};
  blob.size = TRY(size_of(route, digest));
  image::Ingest ingest = TRY(store_.content().ingest(digest.algorithm()));
  const std::unique_ptr<ByteSource> source = image::download(*route.registry, route.repository, blob, 0, {});
  Both both(ingest, begin(blob.size));
  TRY(copy(*source, both));
  const image::Expected expected{.digest = digest, .size = blob.size};
  Result<Digest> committed = store_.repositories().commit_blob(repository, std::move(ingest), expected);
  if (!committed && committed.error().code() == Code::InvalidArgument)
    return std::move(committed).error().with_code(Code::DataLoss);
  TRY(std::move(committed));
  return {};
}

}  // namespace gantry::registry
