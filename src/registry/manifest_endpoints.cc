// SPDX-License-Identifier: Apache-2.0
//
// Manifests: distribution specification 1.1, "Pulling manifests", "Pushing manifests", "Deleting tags",
// "Deleting manifests".
#include <algorithm>

#include "base/json.h"
#include "oci/image/document.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "registry/call.h"
#include "registry/upstreams.h"

namespace gantry::registry {

using enum RegistryErrorCode;
using image::ImageStore;
using oci::Digest;

static Result<void> refuse_unknown(Call& call) {
  return refuse(call, ManifestUnknown,
                fmt::format("no manifest '{}' in '{}'", call.route.reference, call.route.repository));
}

// ---- pull

// Whether one of the Accept headers takes a media type. No header takes everything, as does application/json:
// what clients send who do not care.
static bool accepts(const http::HeaderMap& headers, std::string_view media_type) {
  bool has_any = false;
  for (std::string_view list : headers.all("Accept")) {
    while (!list.empty()) {
      const std::size_t comma = std::min(list.find(','), list.size());
      const std::string_view type = oci::without_parameters(list.substr(0, comma));
      list.remove_prefix(std::min(comma + 1, list.size()));
      if (type.empty()) continue;
      has_any = true;
      if (http::equals_ignoring_case(type, media_type) || type == "*/*" || type == "application/*" ||
          type == "application/json")
        return true;
    }
  }
  return !has_any;
}

static Result<std::optional<ImageStore::ManifestInfo>> find(Context& context, Call& call) {
  if (oci::is_tag(call.route.reference))
    return context.repositories.tagged(call.route.repository, call.route.reference);
  const Digest digest = TRY(Digest::parse(call.route.reference));
  return context.repositories.manifest(call.route.repository, digest);
}

// An index asked for by tag, by a client that knows no indexes: the image for Linux on amd64 stands for it,
// as docker's registry has always had it. Nothing if that is not there either.
static Result<std::optional<ImageStore::ManifestInfo>> default_image(Context& context, Call& call,
                                                                     const Digest& index_digest) {
  const std::string bytes = TRY(context.store.content().read(index_digest));
  const oci::Index index = TRY(oci::parse_index(bytes));
  const oci::Platform platform = TRY(oci::Platform::parse("linux/amd64"));
  const auto chosen = oci::select(index, platform);
  if (!chosen) return std::optional<ImageStore::ManifestInfo>();
  TRY(context.upstreams.want_manifest(call.route.repository, (*chosen)->digest.str()));
  return context.repositories.manifest(call.route.repository, (*chosen)->digest);
}

static Result<void> send_manifest(Context& context, Call& call) {
  if (const Result<void> wanted =
          context.upstreams.want_manifest(call.route.repository, std::string(call.route.reference));
      !wanted)
    return refuse_upstream(call, wanted.error(), ManifestUnknown);
  auto found = TRY(find(context, call));
  if (!found) return refuse_unknown(call);
  const http::HeaderMap& asked = call.request.headers();
  // By digest the bytes are meant and no others.
  if (oci::is_tag(call.route.reference) && !accepts(asked, found->media_type)) {
    const std::string stored = found->media_type;
    if (oci::document_kind(stored) == oci::DocumentKind::Index)
      found = TRY(default_image(context, call, found->digest));
    if (!found || !accepts(asked, found->media_type))
      return refuse(call, ManifestUnknown,
                    fmt::format("'{}' in '{}' is '{}', which the Accept header leaves out",
                                call.route.reference, call.route.repository, stored));
  }

  http::HeaderMap& headers = call.response.headers;
  const std::string digest = found->digest.str();
  const std::string etag = "\"" + digest + "\"";
  headers.set("Content-Type", found->media_type);
  headers.set("Docker-Content-Digest", digest);
  headers.set("ETag", etag);
  if (asked.has_token("If-None-Match", etag)) return call.response.send(304);
  if (call.is("HEAD")) {
    headers.set("Content-Length", std::to_string(found->size));
    return call.response.send(200);
  }
  return call.response.send(200, TRY(context.store.content().read(found->digest)));
}

// ---- push

static Result<void> refuse_missing(Call& call, const std::vector<Digest>& missing) {
  // One error for each, as the specification wants it.
  json::Writer w;
  w.begin_object().key("errors").begin_array();
  for (const Digest& digest : missing) {
    w.begin_object().key("code").value(oci::name_of(ManifestBlobUnknown));
    w.key("message").value("manifest references a manifest or blob unknown to registry");
    w.key("detail").begin_object().key("digest").value(digest.str()).end_object().end_object();
  }
  w.end_array().end_object();
  call.response.headers.set("Content-Type", "application/json");
  return call.response.send(oci::http_status(ManifestBlobUnknown), std::move(w).text());
}

// A sentence about the first descriptor that gives what is there another size; empty if none does. What is
// not there is not looked at here.
static Result<std::string> find_wrong_size(Context& context, Call& call, const oci::Document& document) {
  const std::string_view repository = call.route.repository;
  for (const oci::Descriptor* child : oci::children_of(document)) {
    std::optional<std::uint64_t> size = TRY(context.repositories.blob(repository, child->digest));
    if (!size) {
      if (const auto manifest = TRY(context.repositories.manifest(repository, child->digest)))
        size = manifest->size;
    }
    if (size && *size != child->size)
      return fmt::format("'{}' has {} bytes, not {}", child->digest.str(), *size, child->size);
  }
  return std::string();
}

// What the client calls the manifest, checked against what it is.
static Result<image::PutOptions> options_of(Context& context, Call& call, std::string_view bytes) {
  image::PutOptions options{.by = call.caller.user, .quota = quota_of(context.config, call.route.repository)};
  if (oci::is_tag(call.route.reference)) {
    options.tag = call.route.reference;
    return options;
  }
  options.digest = TRY(Digest::parse(call.route.reference));
  if (const Digest actual = oci::digest_of(bytes, options.digest->algorithm()); actual != *options.digest)
    return error(Code::InvalidArgument, "the manifest is '{}', not '{}'", actual.str(),
                 options.digest->str());
  return options;
}

static Result<void> receive_manifest(Context& context, Call& call) {
  const std::uint64_t limit = context.config.max_manifest_bytes;
  const auto refuse_size = [&] {
    return refuse(call, SizeInvalid, fmt::format("a manifest may have {} bytes here", limit), 413);
  };
  if (call.request.body_length().value_or(0) > limit) return refuse_size();
  const Result<std::string> bytes = call.request.read_body(limit);
  if (!bytes && bytes.error().code() == Code::ResourceExhausted) return refuse_size();
  if (!bytes) return refuse(call, ManifestInvalid, bytes.error().message(), 400);

  const std::string_view type = oci::without_parameters(call.request.headers().get_or("Content-Type", ""));
  const Result<oci::Document> document = oci::parse_document(*bytes, type);
  if (!document) return refuse(call, ManifestInvalid, document.error().message(), 400);
  if (std::holds_alternative<oci::Schema1Manifest>(*document))
    return refuse(call, ManifestInvalid,
                  "manifests of schema 1 are not taken: push with a client since docker 1.10", 400);
  const Result<image::PutOptions> options = options_of(context, call, *bytes);
  if (!options) return refuse(call, DigestInvalid, options.error().message(), 400);

  if (const std::string wrong = TRY(find_wrong_size(context, call, *document)); !wrong.empty())
    return refuse(call, ManifestInvalid, wrong, 400);

  const Result<image::PutManifest> put =
      context.repositories.put_manifest(call.route.repository, *bytes, *document, *options);
  if (!put && put.error().code() == Code::InvalidArgument)
    return refuse(call, ManifestInvalid, put.error().message(), 400);
  if (!put && put.error().code() == Code::ResourceExhausted && put.error().errno_value() == 0)
    return refuse(call, Denied, put.error().message(), 403);  // the quota
  if (!put) return refuse(call, put.error());
  if (!put->missing.empty()) return refuse_missing(call, put->missing);

  http::HeaderMap& headers = call.response.headers;
  headers.set("Location", fmt::format("/v2/{}/manifests/{}", call.route.repository, call.route.reference));
  headers.set("Docker-Content-Digest", put->digest.str());
  if (const oci::Descriptor* subject = oci::subject_of(*document))
    headers.set("OCI-Subject", subject->digest.str());
  return call.response.send(201);
}

// ---- delete

static Result<void> delete_manifest(Context& context, Call& call) {
  bool was_there = false;
  if (oci::is_tag(call.route.reference)) {
    was_there =
        TRY(context.repositories.untag(call.route.repository, call.route.reference, call.caller.user));
  } else {
    const Digest digest = TRY(Digest::parse(call.route.reference));
    was_there = TRY(context.repositories.remove_manifest(call.route.repository, digest, call.caller.user));
  }
  if (!was_there) return refuse_unknown(call);
  TRY(free_space(context));
  return call.response.send(202);
}

Result<void> serve_manifest(Context& context, Call& call) {
  const bool pulls = call.is("GET") || call.is("HEAD");
  if (!pulls && !call.is("PUT") && !call.is("DELETE")) return refuse_method(call, "GET, HEAD, PUT, DELETE");
  const bool may = pulls
                       ? TRY(authorize(context, call, Action::Pull))
                       : TRY(authorize_change(context, call, call.is("PUT") ? Action::Push : Action::Delete));
  if (!may) return {};
  if (!oci::is_tag(call.route.reference)) {
    const Result<Digest> digest = Digest::parse(call.route.reference);
    // Something that can be no name of a manifest names none; a client that pushes has to be told why.
    if (!digest && pulls && call.route.reference.find(':') == std::string_view::npos)
      return refuse_unknown(call);
    if (!digest) return refuse(call, DigestInvalid, digest.error().message(), 400);
  }
  if (pulls) return send_manifest(context, call);
  return call.is("PUT") ? receive_manifest(context, call) : delete_manifest(context, call);
}

}  // namespace gantry::registry
