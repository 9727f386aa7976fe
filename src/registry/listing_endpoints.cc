// SPDX-License-Identifier: Apache-2.0
//
// Lists: distribution specification 1.1, "Content discovery", and Docker's catalogue. Also ours: what a tag
// was, and going back to it.
#include <algorithm>
#include <charconv>

#include "base/timestamp.h"
#include "oci/distribution/lists.h"
#include "oci/image/index.h"
#include "oci/image/reference.h"
#include "registry/call.h"
#include "registry/tag_history.h"

namespace gantry::registry {

using enum RegistryErrorCode;
using oci::Digest;

// What a page holds at most, whatever was asked for: a client follows the Link.
static constexpr std::size_t kPageLimit = 10'000;

struct Page {
  std::string last;                       // begin after this
  std::size_t n = kPageLimit;             // how many
  std::optional<std::string_view> asked;  // n as the client wrote it, for the link
};

static std::optional<Page> parse_page(const http::Query& query) {
  Page page{.last = std::string(query.get("last").value_or("")), .asked = query.get("n")};
  if (!page.asked) return page;
  const char* end = page.asked->data() + page.asked->size();
  const auto [stop, failure] = std::from_chars(page.asked->data(), end, page.n);
  if (failure == std::errc::result_out_of_range) page.n = kPageLimit;
  if ((failure != std::errc() && failure != std::errc::result_out_of_range) || stop != end)
    return std::nullopt;
  page.n = std::min(page.n, kPageLimit);
  return page;
}

static Result<void> refuse_page(Call& call) {
  return refuse(call, PaginationNumberInvalid, "'n' is not a number of entries", 400);
}

// Cuts `names`, of which one more than asked for was fetched, and links to what follows.
static void end_page(Call& call, const Page& page, std::string_view path, std::vector<std::string>& names) {
  if (names.size() <= page.n) return;
  names.resize(page.n);
  if (names.empty()) return;  // n=0: no link
  http::Query next;
  next.add("n", std::to_string(page.n));
  next.add("last", names.back());
  call.response.headers.set("Link", oci::next_page_header(fmt::format("{}?{}", path, next.str())));
}

Result<void> serve_tags(Context& context, Call& call) {
  if (!call.is("GET") && !call.is("HEAD")) return refuse_method(call, "GET, HEAD");
  if (!TRY(authorize(context, call, Action::Pull))) return {};
  const std::optional<Page> page = parse_page(call.query);
  if (!page) return refuse_page(call);
  oci::TagList list{.name = call.repository()};
  list.tags = TRY(context.repositories.tags(call.route.repository, page->last, page->n + 1));
  if (list.tags.empty() && !TRY(context.repositories.exists(call.route.repository)))
    return refuse(call, NameUnknown, fmt::format("no repository '{}'", call.route.repository));
  end_page(call, *page, fmt::format("/v2/{}/tags/list", call.route.repository), list.tags);
  return send_json(call, oci::to_json(list));
}

Result<void> serve_catalog(Context& context, Call& call) {
  if (!call.is("GET") && !call.is("HEAD")) return refuse_method(call, "GET, HEAD");
  if (context.gate.may_list(call.caller) != Verdict::Allowed) {
    call.response.headers.set("WWW-Authenticate",
                              context.gate.challenge(call.own_url(), "registry:catalog:*",
                                                     call.caller.granted ? "insufficient_scope" : ""));
    return refuse(call, Unauthorized, "authentication required");
  }
  const std::optional<Page> page = parse_page(call.query);
  if (!page) return refuse_page(call);
  oci::Catalog catalog;
  // Only what the caller may pull is there for them, so a page may take several looks.
  for (std::string after = page->last; catalog.repositories.size() <= page->n;) {
    const std::vector<std::string> some = TRY(context.repositories.repositories(after, page->n + 1));
    for (const std::string& name : some)
      if (catalog.repositories.size() <= page->n && context.gate.sees(call.caller, name))
        catalog.repositories.push_back(name);
    if (some.size() <= page->n) break;
    after = some.back();
  }
  end_page(call, *page, "/v2/_catalog", catalog.repositories);
  return send_json(call, oci::to_json(catalog));
}

Result<void> serve_referrers(Context& context, Call& call) {
  if (!call.is("GET") && !call.is("HEAD")) return refuse_method(call, "GET, HEAD");
  if (!TRY(authorize(context, call, Action::Pull))) return {};
  const Result<Digest> subject = Digest::parse(call.route.reference);
  if (!subject) return refuse(call, DigestInvalid, subject.error().message(), 400);
  const std::string_view type = call.query.get("artifactType").value_or("");
  oci::Index index;
  for (image::Referrer& referrer :
       TRY(context.repositories.referrers(call.route.repository, *subject, type))) {
    oci::Descriptor descriptor{.media_type = std::move(referrer.media_type), .digest = referrer.digest};
    descriptor.size = referrer.size;
    descriptor.artifact_type = std::move(referrer.artifact_type);
    descriptor.annotations = std::move(referrer.annotations);
    index.manifests.push_back(std::move(descriptor));
  }
  if (!type.empty()) call.response.headers.set("OCI-Filters-Applied", "artifactType");
  call.response.headers.set("Content-Type", std::string(oci::media_type::kOciIndex));
  return call.response.send(200, oci::to_json(index));
}

// ---- ours

Result<void> serve_history(Context& context, Call& call) {
  if (!call.is("GET") && !call.is("HEAD")) return refuse_method(call, "GET, HEAD");
  if (!TRY(authorize(context, call, Action::Pull))) return {};
  const auto changes = TRY(context.repositories.history(call.route.repository, call.route.reference));
  if (changes.empty())
    return refuse(call, ManifestUnknown,
                  fmt::format("'{}' in '{}' never was a tag", call.route.reference, call.route.repository));
  return send_json(call, history_json(call.route.repository, call.route.reference, changes));
}

Result<void> serve_rollback(Context& context, Call& call) {
  if (!call.is("POST")) return refuse_method(call, "POST");
  if (!TRY(authorize_change(context, call, Action::Push))) return {};
  std::optional<Digest> wanted;
  if (const auto given = call.query.get("digest")) {
    const Result<Digest> digest = Digest::parse(*given);
    if (!digest) return refuse(call, DigestInvalid, digest.error().message(), 400);
    wanted = *digest;
  }
  const Result<Digest> now =
      roll_back(context.repositories, call.route.repository, call.route.reference, wanted, call.caller.user);
  if (!now && now.error().code() == Code::NotFound)
    return refuse(call, ManifestUnknown, now.error().message());
  if (!now) return refuse(call, now.error());
  call.response.headers.set("Docker-Content-Digest", now->str());
  return call.response.send(204);
}

}  // namespace gantry::registry
