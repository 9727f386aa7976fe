// SPDX-License-Identifier: Apache-2.0
//
// One registry, as the distribution specification has its clients see it: manifests and blobs of
// repositories. Authorization, redirects, waiting where the registry asks for it and trying again what was
// cut are dealt with here, once.
//
//   RegistryClient registry("docker.io", TRY(http::Url::parse("https://registry-1.docker.io")), options);
//   FetchedManifest manifest = TRY(registry.manifest("library/debian", "12"));
//
// Thread-safe. Errors name the registry and the repository; their codes: NotFound, PermissionDenied (also:
// not logged in), Unavailable (no answer, or no good one after all attempts), DataLoss (an answer that makes
// no sense), Conflict (cancelled).
//
// https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "http/client.h"
#include "http/url.h"
#include "image/transfer/authorizer.h"
#include "image/transfer/cancellation.h"
#include "image/transfer/credentials.h"
#include "oci/distribution/scope.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace gantry::image {

// For what may be better in a moment: a connection that breaks, 429, and 5xx but 501.
struct RetryPolicy {
  unsigned attempts = 6;  // in all, without a byte of progress between them
  // The same of a registry that was not seen alive for so long: most likely its name is wrong.
  unsigned first_attempts = 2;
  std::chrono::milliseconds recent{60'000};
  std::chrono::milliseconds first_delay{500};   // doubled each time
  std::chrono::milliseconds max_delay{30'000};  // of our own choice
  std::chrono::milliseconds max_asked{
      120'000};  // a registry that asks for more (Retry-After) is not waited for

  // How long to wait after so many failures in a row, at least one.
  std::chrono::milliseconds delay_after(unsigned failures) const;
};

struct RegistryClientOptions {
  http::ClientOptions http;
  std::optional<Credentials> credentials;
  RetryPolicy retry;
  std::uint64_t chunk_size = 0;  // bytes of an upload's requests; 0: one for the whole blob
};

struct FetchedManifest {
  std::string bytes;
  std::string media_type;  // as the registry says; may be empty
  oci::Digest digest;      // of the bytes, computed here
};

// What one caller has to say in waits between attempts: it may end them, and it is told before each.
struct Control {
  const Cancellation* cancellation = nullptr;
  std::function<void(const std::string& why, std::chrono::milliseconds delay)> on_retry = {};

  Result<void> check() const { return cancellation == nullptr ? Result<void>() : cancellation->check(); }
  Result<void> wait(const std::string& why, std::chrono::milliseconds delay) const;
};
// The bytes of a blob from `offset` on.
using OpenAt = std::function<Result<std::unique_ptr<ByteSource>>(std::uint64_t offset)>;

class RegistryClient {
 public:
  // `name` is the registry's in messages. `base` may have a path, which stands before "/v2/".
  RegistryClient(std::string name, http::Url base, RegistryClientOptions options);
  ~RegistryClient();

  const std::string& name() const { return name_; }
  const http::Url& base() const { return base_; }
  const RetryPolicy& retry() const { return options_.retry; }
  // Bytes have come from it: for a while from now on, what breaks is worth all attempts.
  void saw_alive() { last_seen_ = std::chrono::steady_clock::now().time_since_epoch(); }

  // Whether the registry takes the credentials (GET /v2/): PermissionDenied if not. False: it has not asked
  // for any.
  Result<bool> log_in();

  // ---- pull

  // `reference` is a tag or a digest; what comes for a digest is verified.
  Result<FetchedManifest> manifest(const std::string& repository, const std::string& reference,
                                   const Control& control = {});
  // By HEAD: its digest, size and media type; nullopt if the registry does not have it or does not tell.
  Result<std::optional<oci::Descriptor>> manifest_info(const std::string& repository,
                                                       const std::string& reference,
                                                       const Control& control = {});
  // One answer, 200 or 206. `range`: from where on, and how much; a server may send everything all the same.
  struct Range {
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> length;
  };
  Result<http::ClientResponse> blob(const std::string& repository, const oci::Digest& digest, Range range,
                                    const Control& control = {});
  // An answer from an address outside of the registry, of a layer that has its own (descriptor's `urls`).
  Result<http::ClientResponse> foreign_blob(const http::Url& url, Range range);
  // Every tag, through all pages.
  Result<std::vector<std::string>> tags(const std::string& repository);
  // Every repository that the caller may see, through all pages (Docker's catalogue, which many registries
  // do not have).
  Result<std::vector<std::string>> repositories();

  // ---- push

  Result<bool> has_blob(const std::string& repository, const oci::Digest& digest,
                        const Control& control = {});
  // Whether the registry took it over from the other repository; no bytes are moved then.
  Result<bool> mount_blob(const std::string& repository, const oci::Digest& digest, const std::string& from,
                          const Control& control = {});
  // In one request or, where chunk_size says so or a connection broke, several. `open` is called for every
  // attempt; `on_progress` is told how many bytes are with the registry.
  Result<void> upload_blob(const std::string& repository, const oci::Descriptor& blob, const OpenAt& open,
                           const std::function<void(std::uint64_t done)>& on_progress,
                           const Control& control = {});
  Result<void> put_manifest(const std::string& repository, const std::string& reference,
                            const std::string& media_type, const std::string& bytes,
                            const Control& control = {});

 private:
  struct Call;
  class Upload;
  static constexpr auto kNever = std::chrono::steady_clock::duration::min();

  http::Url url(const std::string& repository, std::string_view rest) const;
  Result<http::ClientResponse> send(const Call& call);
  unsigned attempts_without_answer() const;
  Result<http::ClientResponse> send_authorized(const Call& call);
  Result<std::vector<std::string>> list_all(Call call,
                                            Result<std::vector<std::string>> (*parse)(std::string_view));
  Result<http::ClientResponse> follow(const Call& call, const std::string& authorization);

  const std::string name_;
  const http::Url base_;
  const RegistryClientOptions options_;
  http::Client client_;
  Authorizer authorizer_;
  std::atomic<std::chrono::steady_clock::duration> last_seen_{kNever};  // since the clock's beginning
};

}  // namespace gantry::image
