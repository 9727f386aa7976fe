// SPDX-License-Identifier: Apache-2.0
//
// Blobs, and how they get in: distribution specification 1.1, "Pulling blobs", "Pushing blobs", "Deleting
// blobs".
#include <algorithm>
#include <optional>

#include "base/byte_stream.h"
#include "base/json.h"
#include "oci/distribution/byte_range.h"
#include "oci/image/reference.h"
#include "registry/call.h"
#include "registry/uploads.h"
#include "registry/upstreams.h"

namespace gantry::registry {

using enum RegistryErrorCode;
using oci::Digest;
using oci::DigestAlgorithm;

static Result<void> refuse_digest(Call& call, std::string_view text, const Error& error) {
  json::Writer detail;
  detail.begin_object().key("digest").value(text).end_object();
  return refuse(call, DigestInvalid, error.message(), 400, std::move(detail).text());
}

// ---- blobs

static void set_blob_headers(Call& call, const Digest& digest) {
  http::HeaderMap& headers = call.response.headers;
  headers.set("Content-Type", "application/octet-stream");
  headers.set("Docker-Content-Digest", digest.str());
  headers.set("Cache-Control", "max-age=31536000, immutable");
}

// Nothing if it is not in the repository.
static Result<std::optional<std::uint64_t>> find_blob(Context& context, Call& call, const Digest& digest) {
  const std::optional<std::uint64_t> size = TRY(context.repositories.blob(call.route.repository, digest));
  if (!size || !call.is("HEAD") || context.config.read_only ||
      context.gate.may(call.caller, call.route.repository, Action::Push) != Verdict::Allowed)
    return size;
  // A client that pushes asks in order not to upload what is there: then it has to stay.
  return context.repositories.blob_for_push(call.route.repository, digest);
}

// Of a cache: fetches the blob, and gives it out meanwhile if all of it was asked for. True when that is the
// answer.
static Result<bool> pass_through(Context& context, Call& call, const Digest& digest) {
  bool has_started = false;
  const auto begin = [&](std::uint64_t size) -> ByteSink* {
    if (!call.is("GET") || call.request.headers().has("Range")) return nullptr;
    set_blob_headers(call, digest);
    has_started = true;
    return call.response.start(200, size) ? &call.response : nullptr;
  };
  Result<void> fetched = context.upstreams.want_blob(call.route.repository, digest, begin);
  if (!fetched && has_started) return std::move(fetched).error();  // cuts the connection
  if (!fetched) {
    TRY(refuse_upstream(call, fetched.error(), BlobUnknown));
    return true;
  }
  return has_started;
}

static Result<void> send_blob(Context& context, Call& call, const Digest& digest) {
  std::optional<std::uint64_t> size = TRY(find_blob(context, call, digest));
  if (!size && context.upstreams.covers(call.route.repository)) {
    if (TRY(pass_through(context, call, digest))) return {};
    size = TRY(find_blob(context, call, digest));
  }
  if (!size)
    return refuse(call, BlobUnknown,
                  fmt::format("no blob '{}' in '{}'", digest.str(), call.route.repository));

  set_blob_headers(call, digest);
  const std::string etag = "\"" + digest.str() + "\"";
  if (call.is("HEAD") && !call.request.headers().has("Range")) {
    call.response.headers.set("Accept-Ranges", "bytes");
    call.response.headers.set("ETag", etag);
    call.response.headers.set("Content-Length", std::to_string(*size));
    return call.response.send(200);
  }
  const UniqueFd file = TRY(context.store.content().open(digest));
  return http::send_ranged_file(call.request, call.response, file.get(), *size, etag);
}

static Result<void> delete_blob(Context& context, Call& call, const Digest& digest) {
  if (!TRY(context.repositories.remove_blob(call.route.repository, digest)))
    return refuse(call, BlobUnknown,
                  fmt::format("no blob '{}' in '{}'", digest.str(), call.route.repository));
  TRY(free_space(context));
  return call.response.send(202);
}

Result<void> serve_blob(Context& context, Call& call) {
  const bool deletes = call.is("DELETE");
  if (!deletes && !call.is("GET") && !call.is("HEAD")) return refuse_method(call, "GET, HEAD, DELETE");
  if (deletes ? !TRY(authorize_change(context, call, Action::Delete))
              : !TRY(authorize(context, call, Action::Pull)))
    return {};
  const Result<Digest> digest = Digest::parse(call.route.reference);
  if (!digest) return refuse_digest(call, call.route.reference, digest.error());
  return deletes ? delete_blob(context, call, *digest) : send_blob(context, call, *digest);
}

// ---- uploads

static void set_upload_headers(Call& call, std::string_view id, std::uint64_t size) {
  http::HeaderMap& headers = call.response.headers;
  headers.set("Location", fmt::format("/v2/{}/blobs/uploads/{}", call.route.repository, id));
  headers.set("Docker-Upload-UUID", std::string(id));
  headers.set("Range", oci::upload_range(size));
}

// As much as fits before the body ends. An error leaves what came before it in `into`, counted in `filled`.
static Result<void> fill(ByteSource& body, std::span<std::byte> into, std::size_t& filled) {
  while (filled < into.size()) {
    const std::size_t size = TRY(body.read(into.subspan(filled)));
    if (size == 0) break;
    filled += size;
  }
  return {};
}

// Takes the body to the end of the ingest. An error of the client's connection or ours leaves what came.
static Result<void> receive(Context& context, Call& call, image::Ingest& ingest) {
  const std::uint64_t limit = context.config.max_blob_bytes == 0 ? UINT64_MAX : context.config.max_blob_bytes;
  // Whole pieces, larger than a socket gives at once: then an ingest can write and hash side by side.
  constexpr std::uint64_t kPiece = 512 << 10;
  const std::uint64_t announced = call.request.body_length().value_or(kPiece);
  const auto size = static_cast<std::size_t>(std::clamp<std::uint64_t>(announced, 4 << 10, kPiece));
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(size);
  for (;;) {
    std::size_t filled = 0;
    Result<void> received = fill(call.request.body(), {buffer.get(), size}, filled);
    if (ingest.size() + filled > limit)
      return error(Code::ResourceExhausted, "a blob may have {} bytes here", limit);
    TRY(ingest.write({buffer.get(), filled}));
    if (!received || filled < size) return received;
  }
}

static Result<void> refuse_body(Context& context, Call& call, const Error& error) {
  const bool too_large = error.code() == Code::ResourceExhausted && error.errno_value() == 0;
  if (too_large && context.config.max_blob_bytes != 0) return refuse(call, SizeInvalid, error.message(), 413);
  if (error.code() == Code::InvalidArgument || error.code() == Code::DataLoss)
    return refuse(call, BlobUploadInvalid, error.message(), 400);
  return refuse(call, error);
}

// Puts what was received into the repository and answers.
static Result<void> commit(Context& context, Call& call, image::Ingest ingest, const Digest& digest) {
  const Result<Digest> committed =
      context.repositories.commit_blob(call.route.repository, std::move(ingest), {.digest = digest},
                                       quota_of(context.config, call.route.repository));
  if (!committed) {
    const Error& error = committed.error();
    if (error.code() == Code::InvalidArgument) return refuse_digest(call, digest.str(), error);
    if (error.code() == Code::ResourceExhausted && error.errno_value() == 0)
      return refuse(call, Denied, error.message(), 403);  // the quota
    return refuse(call, error);
  }
  call.response.headers.set("Location", blob_location(call.route.repository, committed->str()));
  call.response.headers.set("Docker-Content-Digest", committed->str());
  return call.response.send(201);
}

// True when the blob is in the repository now.
static Result<bool> mount(Context& context, Call& call, const Digest& digest) {
  const std::string from(call.query.get("from").value_or(""));
  const auto may_pull = [&](std::string_view repository) {
    return context.gate.may(call.caller, repository, Action::Pull) == Verdict::Allowed;
  };
  const auto quota = quota_of(context.config, call.route.repository);
  if (!from.empty()) {
    if (!oci::is_repository(from) || !may_pull(from)) return false;
    return context.repositories.mount_blob(call.route.repository, from, digest, quota);
  }
  // Without a name, from any repository whose blobs the client could have: a digest alone opens none.
  for (const std::string& repository : TRY(context.repositories.holders(digest)))
    if (may_pull(repository) &&
        TRY(context.repositories.mount_blob(call.route.repository, repository, digest, quota)))
      return true;
  return false;
}

Result<void> serve_uploads(Context& context, Call& call) {
  if (!call.is("POST")) return refuse_method(call, "POST");
  if (!TRY(authorize_change(context, call, Action::Push))) return {};

  if (const auto wanted = call.query.get("mount")) {
    const Result<Digest> digest = Digest::parse(*wanted);
    if (!digest) return refuse_digest(call, *wanted, digest.error());
    Result<bool> mounted = mount(context, call, *digest);
    if (!mounted && mounted.error().code() == Code::ResourceExhausted && mounted.error().errno_value() == 0)
      return refuse(call, Denied, mounted.error().message(), 403);
    if (TRY(std::move(mounted))) {
      call.response.headers.set("Location", blob_location(call.route.repository, digest->str()));
      call.response.headers.set("Docker-Content-Digest", digest->str());
      return call.response.send(201);
    }
  } else if (const auto given = call.query.get("digest")) {
    const Result<Digest> digest = Digest::parse(*given);
    if (!digest) return refuse_digest(call, *given, digest.error());
    std::optional<image::Ingest> ingest = TRY(context.store.content().ingest(digest->algorithm()));
    if (const Result<void> received = receive(context, call, *ingest); !received) {
      ingest.reset();  // whoever is told that there is no room has got back what this took
      return refuse_body(context, call, received.error());
    }
    return commit(context, call, *std::move(ingest), *digest);
  }
  const Result<std::string> id = context.uploads.begin(call.route.repository);
  if (!id) {
    call.response.headers.set("Retry-After", "60");
    return refuse(call, TooManyRequests, id.error().message(), 429);
  }
  set_upload_headers(call, *id, 0);
  return call.response.send(202);
}

// Says no; what has arrived so far waits for the client's next attempt.
static Result<void> refuse_and_keep(Context& context, Call& call, UploadSessions::Turn turn,
                                    const Error& why) {
  if (const Result<void> kept = std::move(turn).keep(); !kept) return refuse(call, kept.error());
  return refuse_body(context, call, why);
}

// A chunk has to begin where the last one ended, and to be as long as it says. False: it was refused.
static Result<bool> check_chunk(Call& call, UploadSessions::Turn& turn, std::string_view id) {
  const auto header = call.request.headers().get("Content-Range");
  if (!header) return true;
  const std::uint64_t size = turn.size();
  const auto range = oci::parse_upload_range(*header);
  const auto length = call.request.body_length();
  const bool fits = range && range->first == size;
  if (fits && (!length || *length == range->size())) return true;
  TRY(std::move(turn).keep());
  if (fits) {
    TRY(refuse(call, SizeInvalid,
               fmt::format("Content-Range says {} bytes, Content-Length {}", range->size(), *length), 400));
    return false;
  }
  set_upload_headers(call, id, size);
  TRY(refuse(call, RangeInvalid,
             range ? fmt::format("the next chunk begins at {}, not at {}", size, range->first)
                   : fmt::format("Content-Range '{}': not of the form 0-99", *header),
             416));
  return false;
}

static Result<void> append(Context& context, Call& call, UploadSessions::Turn turn, std::string_view id) {
  if (!TRY(check_chunk(call, turn, id))) return {};
  image::Ingest& ingest = *TRY(turn.ingest(turn.algorithm()));
  if (const Result<void> received = receive(context, call, ingest); !received)
    return refuse_and_keep(context, call, std::move(turn), received.error());
  const std::uint64_t size = turn.size();
  TRY(std::move(turn).keep());
  set_upload_headers(call, id, size);
  return call.response.send(202);
}

static Result<void> complete(Context& context, Call& call, UploadSessions::Turn turn, std::string_view id,
                             const Digest& digest) {
  if (!TRY(check_chunk(call, turn, id))) return {};
  image::Ingest& ingest = *TRY(turn.ingest(digest.algorithm()));
  if (const Result<void> received = receive(context, call, ingest); !received)
    return refuse_and_keep(context, call, std::move(turn), received.error());
  return commit(context, call, std::move(turn).finish(), digest);
}

Result<void> serve_upload(Context& context, Call& call) {
  constexpr std::string_view kMethods = "GET, PATCH, PUT, DELETE";
  if (!call.is("GET") && !call.is("PATCH") && !call.is("PUT") && !call.is("DELETE"))
    return refuse_method(call, kMethods);
  if (!TRY(authorize_change(context, call, Action::Push))) return {};

  std::optional<Digest> digest;
  if (call.is("PUT")) {
    const auto given = call.query.get("digest");
    if (!given) return refuse(call, DigestInvalid, "the parameter 'digest' is missing", 400);
    Result<Digest> parsed = Digest::parse(*given);
    if (!parsed) return refuse_digest(call, *given, parsed.error());
    digest = *parsed;
  }

  const std::string_view id = call.route.reference;
  Result<UploadSessions::Turn> turn = context.uploads.take(call.route.repository, id);
  if (!turn && turn.error().code() == Code::NotFound)
    return refuse(call, BlobUploadUnknown, fmt::format("no upload '{}' in '{}'", id, call.route.repository));
  if (!turn && turn.error().code() == Code::Conflict)
    return refuse(call, BlobUploadInvalid, turn.error().message(), 409);
  if (!turn) return refuse(call, turn.error());

  if (call.is("PATCH")) return append(context, call, std::move(*turn), id);
  if (digest) return complete(context, call, std::move(*turn), id, *digest);
  if (call.is("DELETE")) {
    std::move(*turn).cancel();
    return call.response.send(204);
  }
  const std::uint64_t size = turn->size();
  TRY(std::move(*turn).keep());
  set_upload_headers(call, id, size);
  return call.response.send(204);
}

}  // namespace gantry::registry
