// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/registry_client.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "http/message.h"
#include "image/transfer/bounded_source.h"
#include "oci/distribution/byte_range.h"
#include "oci/distribution/error_document.h"
#include "oci/distribution/lists.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"

namespace gantry::image {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kMaxRedirects = 5;
constexpr std::size_t kMaxErrorBody = 64 << 10;

// In the order of preference; one field, since some servers read only the first.
constexpr std::array kManifestTypes = {
    oci::media_type::kOciIndex,
    oci::media_type::kOciManifest,
    oci::media_type::kDockerManifestList,
    oci::media_type::kDockerManifest,
    oci::media_type::kDockerSchema1Signed,
    oci::media_type::kDockerSchema1,
};

std::string accepted_manifests() {
  std::string accept;
  for (const std::string_view type : kManifestTypes) (accept += accept.empty() ? "" : ", ") += type;
  return accept;
}

bool may_get_better(int status) {
  return status == 429 || status == 408 || (status >= 500 && status != 501 && status != 505);
}

bool may_get_better(const Error& error) {
  return error.code() == Code::Unavailable || error.code() == Code::TimedOut ||
         error.code() == Code::DataLoss;
}

std::vector<oci::Scope> pull_scope(const std::string& repository) {
  return {oci::Scope::repository(repository, {"pull"})};
}
std::vector<oci::Scope> push_scope(const std::string& repository) {
  return {oci::Scope::repository(repository, {"pull", "push"})};
}

std::string range_field(const RegistryClient::Range& range) {
  if (!range.length) return fmt::format("bytes={}-", range.offset);
  return fmt::format("bytes={}-{}", range.offset, range.offset + *range.length - 1);
}

// What the registry said, as an error; reads its body.
Error refusal(const std::string& what, http::ClientResponse& response) {
  std::string said;
  if (auto body = response.read_body(kMaxErrorBody)) said = oci::describe(oci::parse_registry_errors(*body));
  const int status = response.status();
  const Code code = status == 401 ? Code::PermissionDenied : http::code_of_status(status);
  return error(code, "{}: {} {}{}{}", what, status, http::status_text(status), said.empty() ? "" : ": ",
               said);
}

}  // namespace

milliseconds RetryPolicy::delay_after(unsigned failures) const {
  milliseconds delay = first_delay;
  for (unsigned i = 1; i < failures && delay < max_delay; ++i) delay = std::min(delay * 2, max_delay);
  return delay;
}

Result<void> Control::wait(const std::string& why, milliseconds delay) const {
  if (on_retry) on_retry(why, delay);
  static const Cancellation kNever;
  return (cancellation == nullptr ? kNever : *cancellation).wait(delay);
}

// One request and all that is needed to make it again.
struct RegistryClient::Call {
  std::string method;
  http::Url url;
  std::vector<oci::Scope> scopes;
  http::HeaderMap headers = {};
  std::string body = {};
  // For bodies that are not kept: opened anew for every attempt.
  std::function<Result<std::unique_ptr<ByteSource>>()> open_body = {};
  std::uint64_t body_length = 0;  // of open_body
  bool is_tried_again = true;     // what may get better is
  Control control = {};

  std::string name() const { return method + " " + url.str(); }
};

RegistryClient::RegistryClient(std::string name, http::Url base, RegistryClientOptions options)
    : name_(std::move(name)),
      base_(std::move(base)),
      options_(std::move(options)),
      client_(options_.http),
      authorizer_(client_, base_, options_.credentials) {}

RegistryClient::~RegistryClient() = default;

http::Url RegistryClient::url(const std::string& repository, std::string_view rest) const {
  http::Url url = base_;
  while (url.path.ends_with('/')) url.path.pop_back();
  url.path += fmt::format("/v2/{}/{}", repository, rest);
  return url;
}

// ---- Requests

// A registry that is restarted in the middle of a transfer refuses connections for a while, too.
unsigned RegistryClient::attempts_without_answer() const {
  const RetryPolicy& retry = options_.retry;
  const steady_clock::duration last = last_seen_;
  const bool is_alive = last != kNever && steady_clock::now().time_since_epoch() - last < retry.recent;
  return is_alive ? retry.attempts : std::min(retry.first_attempts, retry.attempts);
}

// The whole of it: an answer of any status that is not worth another attempt.
Result<http::ClientResponse> RegistryClient::send(const Call& call) {
  const RetryPolicy& retry = options_.retry;
  for (unsigned attempt = 1;; ++attempt) {
    TRY(call.control.check());
    Result<http::ClientResponse> response = send_authorized(call);
    if (response) saw_alive();
    const unsigned attempts = response ? retry.attempts : attempts_without_answer();
    const bool is_last = attempt >= attempts || !call.is_tried_again;
    if (response ? !may_get_better(response->status()) : !may_get_better(response.error()) || is_last)
      return response;
    std::string why;
    milliseconds wait = retry.delay_after(attempt);
    if (response) {
      const auto asked =
          http::parse_retry_after(response->headers().get_or("Retry-After", ""), std::time(nullptr));
      why = refusal(call.name(), *response).message();
      if (asked) wait = std::chrono::seconds(*asked);
      if (is_last || wait > retry.max_asked)
        return error(Code::Unavailable, "{}{}", why,
                     is_last ? fmt::format(", {} times", attempt)
                             : fmt::format("; it asks to come back in {} s", *asked));
    } else {
      why = response.error().message();
    }
    TRY(call.control.wait(why, wait));
  }
}

// With what authorizes it. A token may have expired, so one refusal is answered by another try, and a second
// one where the first has told the kind of authentication.
Result<http::ClientResponse> RegistryClient::send_authorized(const Call& call) {
  constexpr int kTries = 3;
  for (int tries = 1;; ++tries) {
    const std::string authorization = TRY(authorizer_.authorization(call.scopes));
    http::ClientResponse response = TRY(follow(call, authorization));
    if (response.status() != 401 || tries == kTries) return response;
    if (!TRY(authorizer_.learn(response.headers(), call.scopes, authorization))) return response;
    (void)response.read_body(kMaxErrorBody);  // so that the connection can be used again
  }
}

// Goes where it is sent to; only the registry itself is told who asks.
Result<http::ClientResponse> RegistryClient::follow(const Call& call, const std::string& authorization) {
  http::ClientRequest request{
      .method = call.method, .url = call.url, .headers = call.headers, .body = call.body};
  for (int redirects = 0;; ++redirects) {
    if (!authorization.empty() && request.url.origin() == base_.origin())
      request.headers.set("Authorization", authorization);
    else
      request.headers.remove("Authorization");
    std::unique_ptr<ByteSource> body;
    if (call.open_body) {
      body = TRY(call.open_body());
      request.body_source = body.get();
      request.body_length = call.body_length;
      request.expects_continue = true;
    }
    http::ClientResponse response = TRY(client_.send(request));
    std::optional<http::Url> next = TRY(http::redirect_of(request.url, response));
    if (!next) return response;
    if (redirects == kMaxRedirects)
      return error(Code::DataLoss, "{}: more than {} redirects", call.name(), kMaxRedirects);
    if (request.url.is_tls() && !next->is_tls())
      return error(Code::PermissionDenied, "{}: redirected to '{}', which is not encrypted", call.name(),
                   next->str());
    const bool keeps_method = response.status() == 307 || response.status() == 308;
    if (!keeps_method && call.method != "GET" && call.method != "HEAD")
      return error(Code::Unsupported, "{}: redirected by {}", call.name(), response.status());
    (void)response.read_body(kMaxErrorBody);
    request.url = *std::move(next);
  }
}

// ---- Pull

Result<bool> RegistryClient::log_in() {
  Call call{.method = "GET", .url = base_};
  while (call.url.path.ends_with('/')) call.url.path.pop_back();
  call.url.path += "/v2/";
  http::ClientResponse response = TRY_DURING(send(call), "registry '{}'", name_);
  if (response.status() != 200)
    return refusal(call.name(), response).during(fmt::format("registry '{}'", name_));
  return !TRY(authorizer_.authorization({})).empty();
}

Result<FetchedManifest> RegistryClient::manifest(const std::string& repository, const std::string& reference,
                                                 const Control& control) {
  const Call call{.method = "GET",
                  .url = url(repository, "manifests/" + reference),
                  .scopes = pull_scope(repository),
                  .headers = {{"Accept", accepted_manifests()}},
                  .control = control};
  http::ClientResponse response = TRY_DURING(send(call), "registry '{}'", name_);
  if (response.status() != 200)
    return refusal(call.name(), response).during(fmt::format("registry '{}'", name_));
  std::string bytes =
      TRY_DURING(response.read_body(oci::kMaxManifestBytes), "registry '{}': {}", name_, call.name());

  const std::optional<oci::Digest> asked = [&]() -> std::optional<oci::Digest> {
    auto digest = oci::Digest::parse(reference);
    return digest ? std::optional(*digest) : std::nullopt;
  }();
  const std::string told(response.headers().get_or("Docker-Content-Digest", ""));
  oci::Digest expected;
  if (asked)
    expected = *asked;
  else if (!told.empty())
    expected =
        TRY_DURING(oci::Digest::parse(told), "registry '{}': {}: Docker-Content-Digest", name_, call.name());
  oci::Digest digest = oci::digest_of(bytes, expected.algorithm());
  if (!expected.is_empty() && digest != expected)
    return error(Code::DataLoss, "registry '{}': {}: the content is not '{}' but '{}'", name_, call.name(),
                 expected.str(), digest.str());
  return FetchedManifest{std::move(bytes), std::string(response.headers().get_or("Content-Type", "")),
                         digest};
}

Result<std::optional<oci::Descriptor>> RegistryClient::manifest_info(const std::string& repository,
                                                                     const std::string& reference,
                                                                     const Control& control) {
  const Call call{.method = "HEAD",
                  .url = url(repository, "manifests/" + reference),
                  .scopes = pull_scope(repository),
                  .headers = {{"Accept", accepted_manifests()}},
                  .control = control};
  http::ClientResponse response = TRY_DURING(send(call), "registry '{}'", name_);
  if (response.status() == 404 || response.status() == 405) return std::nullopt;
  if (response.status() != 200)
    return refusal(call.name(), response).during(fmt::format("registry '{}'", name_));
  const auto digest = oci::Digest::parse(response.headers().get_or("Docker-Content-Digest", ""));
  if (!digest || !response.body_length()) return std::nullopt;
  oci::Descriptor descriptor;
  descriptor.media_type = response.headers().get_or("Content-Type", "");
  descriptor.digest = *digest;
  descriptor.size = *response.body_length();
  return descriptor;
}

Result<http::ClientResponse> RegistryClient::blob(const std::string& repository, const oci::Digest& digest,
                                                  Range range, const Control& control) {
  Call call{.method = "GET",
            .url = url(repository, "blobs/" + digest.str()),
            .scopes = pull_scope(repository),
            .control = control};
  if (range.offset > 0 || range.length) call.headers.set("Range", range_field(range));
  http::ClientResponse response = TRY_DURING(send(call), "registry '{}'", name_);
  if (response.status() != 200 && response.status() != 206)
    return refusal(call.name(), response).during(fmt::format("registry '{}'", name_));
  return response;
}

Result<http::ClientResponse> RegistryClient::foreign_blob(const http::Url& foreign, Range range) {
  Call call{.method = "GET", .url = foreign, .scopes = {}};
  if (range.offset > 0 || range.length) call.headers.set("Range", range_field(range));
  http::ClientResponse response = TRY(follow(call, ""));
  if (response.status() != 200 && response.status() != 206) return refusal(call.name(), response);
  return response;
}

// Through all pages of a list; `parse` takes the elements out of one.
Result<std::vector<std::string>> RegistryClient::list_all(
    Call call, Result<std::vector<std::string>> (*parse)(std::string_view)) {
  std::vector<std::string> elements;
  for (std::optional<http::Url> page = call.url; page;) {
    call.url = *page;
    http::ClientResponse response = TRY_DURING(send(call), "registry '{}'", name_);
    if (response.status() != 200)
      return refusal(call.name(), response).during(fmt::format("registry '{}'", name_));
    const std::string body = TRY_DURING(response.read_body(), "registry '{}': {}", name_, call.name());
    std::vector<std::string> some = TRY_DURING(parse(body), "registry '{}': {}", name_, call.name());
    page.reset();
    // A page that adds nothing would be followed for ever.
    if (const auto next = oci::next_page(response.headers().get_or("Link", "")); next && !some.empty())
      page = TRY_DURING(call.url.resolve(*next), "registry '{}': {}: Link", name_, call.name());
    std::ranges::move(some, std::back_inserter(elements));
  }
  return elements;
}

Result<std::vector<std::string>> RegistryClient::tags(const std::string& repository) {
  return list_all({.method = "GET", .url = url(repository, "tags/list"), .scopes = pull_scope(repository)},
                  [](std::string_view body) -> Result<std::vector<std::string>> {
                    return TRY(oci::parse_tag_list(body)).tags;
                  });
}

Result<std::vector<std::string>> RegistryClient::repositories() {
  Call call{
      .method = "GET", .url = base_, .scopes = {{.type = "registry", .name = "catalog", .actions = {"*"}}}};
  while (call.url.path.ends_with('/')) call.url.path.pop_back();
  call.url.path += "/v2/_catalog";
  return list_all(std::move(call), [](std::string_view body) -> Result<std::vector<std::string>> {
    return TRY(oci::parse_catalog(body)).repositories;
  });
}

// ---- Push

Result<bool> RegistryClient::has_blob(const std::string& repository, const oci::Digest& digest,
                                      const Control& control) {
  const Call call{.method = "HEAD",
                  .url = url(repository, "blobs/" + digest.str()),
                  .scopes = push_scope(repository),
                  .control = control};
  http::ClientResponse response = TRY_DURING(send(call), "registry '{}'", name_);
  if (response.status() == 404) return false;
  if (response.status() != 200)
    return refusal(call.name(), response).during(fmt::format("registry '{}'", name_));
  return true;
}

Result<bool> RegistryClient::mount_blob(const std::string& repository, const oci::Digest& digest,
                                        const std::string& from, const Control& control) {
  Call call{.method = "POST",
            .url = url(repository, "blobs/uploads/"),
            .scopes = {oci::Scope::repository(repository, {"pull", "push"}),
                       oci::Scope::repository(from, {"pull"})},
            .control = control};
  http::Query query;
  query.add("mount", digest.str());
  query.add("from", from);
  call.url.query = query.str();
  http::ClientResponse response = TRY_DURING(send(call), "registry '{}'", name_);
  if (response.status() == 201) return true;
  if (response.status() == 202) {
    // An upload was begun instead; it is not wanted.
    if (const auto location = response.headers().get("Location"))
      if (auto upload = call.url.resolve(*location))
        (void)send({.method = "DELETE", .url = *upload, .scopes = call.scopes, .is_tried_again = false});
    return false;
  }
  // Not being allowed to read the other repository only means that the blob has to be sent.
  if (response.status() == 401 || response.status() == 403 || response.status() == 404) return false;
  return refusal(call.name(), response).during(fmt::format("registry '{}'", name_));
}

// One blob on its way into the registry, over as many attempts as it takes: in one request, or in several
// where the options or a broken connection ask for it.
class RegistryClient::Upload {
 public:
  Upload(RegistryClient& client, const std::string& repository, const oci::Descriptor& blob,
         const OpenAt& open, const std::function<void(std::uint64_t)>& on_progress, const Control& control)
      : client_(client),
        repository_(repository),
        blob_(blob),
        open_(open),
        on_progress_(on_progress),
        control_(control) {}

  Result<void> run() {
    const RetryPolicy& retry = client_.options_.retry;
    for (unsigned attempt = 1;; ++attempt) {
      Result<void> done = send_rest();
      if (done) return {};
      TRY(control_.check());
      if (!may_get_better(done.error()) || attempt >= retry.attempts) return done;
      TRY(control_.wait(done.error().message(), retry.delay_after(attempt)));
      if (TRY(find_position())) attempt = 0;  // it goes forward
    }
  }

 private:
  Result<void> send_rest() {
    if (!location_) TRY(begin());
    const std::uint64_t chunk = client_.options_.chunk_size;
    if (chunk == 0 && offset_ == 0) return send_whole();
    while (offset_ < blob_.size)
      TRY(send_chunk(chunk == 0 ? blob_.size - offset_ : std::min(chunk, blob_.size - offset_)));
    return finish();
  }

  Result<void> begin() {
    const Call call = this->call("POST", client_.url(repository_, "blobs/uploads/"));
    http::ClientResponse response = TRY(client_.send(call));
    if (response.status() != 202) return refusal(call.name(), response);
    const auto location = response.headers().get("Location");
    if (!location) return error(Code::DataLoss, "{}: the answer has no Location", call.name());
    location_ = TRY(call.url.resolve(*location));
    offset_ = 0;
    (void)response.read_body(kMaxErrorBody);
    return {};
  }

  Result<void> send_whole() {
    const Call call = with_body(this->call("PUT", TRY(finishing_url())), blob_.size);
    http::ClientResponse response = TRY(client_.send(call));
    if (response.status() != 201) return refusal(call.name(), response);
    return {};
  }

  Result<void> send_chunk(std::uint64_t length) {
    Call call = with_body(this->call("PATCH", *location_), length);
    call.headers.set("Content-Range", fmt::format("{}-{}", offset_, offset_ + length - 1));
    http::ClientResponse response = TRY(client_.send(call));
    if (response.status() != 202) return refusal(call.name(), response);
    offset_ += length;
    if (const auto moved = response.headers().get("Location")) location_ = TRY(location_->resolve(*moved));
    (void)response.read_body(kMaxErrorBody);
    return {};
  }

  Result<void> finish() {
    const Call call = this->call("PUT", TRY(finishing_url()));
    http::ClientResponse response = TRY(client_.send(call));
    if (response.status() != 201) return refusal(call.name(), response);
    return {};
  }

  // After a failure: from where to go on. Whether that is further than the last time.
  Result<bool> find_position() {
    if (!location_) return false;
    const Call call = this->call("GET", *location_);
    http::ClientResponse response = TRY(client_.send(call));
    const auto range = oci::parse_upload_range(response.headers().get_or("Range", ""));
    if ((response.status() != 204 && response.status() != 202) || (range && range->last >= blob_.size)) {
      location_.reset();  // forgotten, or something else: from the beginning
      return false;
    }
    if (const auto moved = response.headers().get("Location")) location_ = TRY(location_->resolve(*moved));
    // "0-0" is also what docker's registry says of an empty upload, and one byte is soon sent again.
    const std::uint64_t has = !range || range->first != 0 || range->last == 0 ? 0 : range->last + 1;
    return has > std::exchange(offset_, has);
  }

  Call call(std::string method, http::Url url) const {
    return {.method = std::move(method),
            .url = std::move(url),
            .scopes = push_scope(repository_),
            .control = control_};
  }

  // Not sent again by itself when it breaks: where to go on is asked first.
  Call with_body(Call call, std::uint64_t length) const {
    call.headers.set("Content-Type", "application/octet-stream");
    call.is_tried_again = false;
    call.body_length = length;
    call.open_body = [this, length]() -> Result<std::unique_ptr<ByteSource>> {
      return std::make_unique<BoundedSource>(TRY(open_(offset_)), length, [this](std::uint64_t done) {
        if (on_progress_) on_progress_(offset_ + done);
        return control_.check();
      });
    };
    return call;
  }

  Result<http::Url> finishing_url() const {
    http::Url url = *location_;
    http::Query query = TRY(http::Query::parse(url.query.value_or("")));
    query.add("digest", blob_.digest.str());
    url.query = query.str();
    return url;
  }

  RegistryClient& client_;
  const std::string& repository_;
  const oci::Descriptor& blob_;
  const OpenAt& open_;
  const std::function<void(std::uint64_t)>& on_progress_;
  const Control& control_;
  std::optional<http::Url> location_;
  std::uint64_t offset_ = 0;  // bytes that the registry has
};

Result<void> RegistryClient::upload_blob(const std::string& repository, const oci::Descriptor& blob,
                                         const OpenAt& open,
                                         const std::function<void(std::uint64_t)>& on_progress,
                                         const Control& control) {
  TRY_DURING(Upload(*this, repository, blob, open, on_progress, control).run(), "registry '{}'", name_);
  return {};
}

Result<void> RegistryClient::put_manifest(const std::string& repository, const std::string& reference,
                                          const std::string& media_type, const std::string& bytes,
                                          const Control& control) {
  const Call call{.method = "PUT",
                  .url = url(repository, "manifests/" + reference),
                  .scopes = push_scope(repository),
                  .headers = {{"Content-Type", media_type}},
                  .body = bytes,
                  .control = control};
  http::ClientResponse response = TRY_DURING(send(call), "registry '{}'", name_);
  if (response.status() != 201)
    return refusal(call.name(), response).during(fmt::format("registry '{}'", name_));
  return {};
}

}  // namespace gantry::image
