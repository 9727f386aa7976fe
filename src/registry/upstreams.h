// SPDX-License-Identifier: Apache-2.0
//
// The pull-through cache: repositories below a prefix are those of a registry elsewhere, fetched when they
// are asked for and kept. A tag is believed for a while; a digest for ever. What the upstream does not answer
// leaves what is here.
//
//   TRY(upstreams.want_manifest("hub/library/debian", "12"));
//   ... answer from the store ...
//
// Reached as the host's configuration of registries says (mirrors, authorities), with the credentials of
// ours, never with those of whoever asks. Thread-safe; a blob that many ask for is fetched once.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mutex.h"
#include "image/image_store.h"
#include "image/repositories.h"
#include "image/transfer/registries.h"
#include "registry/config.h"

namespace gantry::registry {

class Upstreams {
 public:
  // Reads password files and, if there is an upstream at all, the host's configuration of registries.
  static Result<std::unique_ptr<Upstreams>> open(const std::vector<UpstreamConfig>& configs,
                                                 image::ImageStore& store, const Logger& log);

  bool covers(std::string_view repository) const { return find(repository) != nullptr; }

  // Brings a manifest in, or a newer one of the tag. Unavailable, and others, when it is neither here nor to
  // be had; NotFound when the upstream does not have it.
  Result<void> want_manifest(std::string_view repository, const std::string& reference);

  // Brings a blob in if it is not in the repository. `begin` is called with the size before the first byte
  // comes, and may give somebody who takes the bytes as they come; a failure of theirs does not end the
  // fetching. Bytes that turn out to be the wrong ones are a DataLoss after they were given out.
  using Begin = std::function<ByteSink*(std::uint64_t size)>;
  Result<void> want_blob(std::string_view repository, const oci::Digest& digest, const Begin& begin);

 private:
  using Clock = std::chrono::steady_clock;
  struct Upstream {
    UpstreamConfig config;
    std::optional<image::Credentials> credentials;
  };

  Upstreams(image::ImageStore& store, const Logger& log) : store_(store), log_(log) {}
  const Upstream* find(std::string_view repository) const;
  Result<std::vector<image::Route>> routes(const Upstream& upstream, std::string_view repository);
  Result<void> refresh(const Upstream& upstream, std::string_view repository, const std::string& reference,
                       const std::optional<oci::Digest>& known);
  Result<void> fetch_blob(const image::Route& route, std::string_view repository, const oci::Digest& digest,
                          const Begin& begin);
  // Until nobody else fetches `key`; then it is the caller's to fetch. The destructor lets the next one in.
  class Turn;

  image::ImageStore& store_;
  const Logger& log_;
  std::vector<Upstream> upstreams_;
  std::unique_ptr<image::Registries> registries_;  // null: no upstreams

  Mutex mutex_;                                                                 // guards what follows
  std::map<std::string, Clock::time_point> believed_until_ GUARDED_BY(mutex_);  // "repository:tag"
  std::set<std::string> fetching_ GUARDED_BY(mutex_);
  CondVar fetched_;
};

}  // namespace gantry::registry
