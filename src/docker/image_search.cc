// SPDX-License-Identifier: Apache-2.0
//
// GET /images/search: what a registry's index knows under a word. Docker's hub has one, and a few registries
// do.
#include <algorithm>
#include <charconv>

#include "base/json_codec.h"
#include "docker/call.h"
#include "docker/endpoints.h"
#include "docker/filters.h"
#include "http/client.h"
#include "image/transfer/registries.h"
#include "oci/image/reference.h"

namespace gantry::docker {
namespace {

using json::Presence;

constexpr std::size_t kMaxAnswer = 8 << 20;  // bytes
constexpr std::int64_t kFewest = 1, kMost = 100, kUsual = 25;

struct Found {
  std::string name;
  std::string description;
  std::int64_t star_count = 0;
  bool is_official = false;
  bool is_automated = false;
};

void fields(json::Fields& f, Found& found) {
  f("name", found.name, Presence::Always);
  f("description", found.description, Presence::Always);
  f("star_count", found.star_count, Presence::Always);
  f("is_official", found.is_official, Presence::Always);
  f("is_automated", found.is_automated, Presence::Always);
}

struct Page {
  std::vector<Found> results;
};

void fields(json::Fields& f, Page& page) { f("results", page.results); }

// Where to ask, and for what: "localhost:5000/web" is "web" at "localhost:5000".
struct Question {
  http::Url index;
  std::string term;
};

Result<Question> question_of(const Context& context, const image::Credentials& credentials,
                             const std::string& term) {
  if (term.find("://") != std::string::npos)
    return error(Code::InvalidArgument,
                 "invalid repository name: repository name ({}) should not have a scheme", term);
  const std::size_t slash = term.find('/');
  const std::string host = term.substr(0, slash);
  const bool has_host =
      slash != std::string::npos && (host.find_first_of(".:") != host.npos || host == "localhost");
  if (!has_host || host == oci::kDockerHub)
    return Question{.index = TRY(http::Url::parse("https://index.docker.io/v1/")),
                    .term = has_host ? term.substr(slash + 1) : term};
  const auto registry = TRY(context.registries.registry(host, credentials));
  return Question{.index = TRY(registry->base().resolve("/v1/")), .term = term.substr(slash + 1)};
}

Result<std::vector<Found>> ask(const Question& question, const image::Credentials& credentials,
                               std::int64_t limit) {
  http::Query query;
  query.add("q", question.term);
  query.add("n", std::to_string(limit));
  http::ClientRequest request{.url = TRY(question.index.resolve("search?" + query.str()))};
  if (!credentials.username.empty())
    request.headers.set("Authorization",
                        http::format_basic({.user = credentials.username, .password = credentials.password}));
  http::Client client(TRY(http::ClientOptions::from_environment()));
  http::ClientResponse response = TRY(client.send(request));
  if (!response.is_success())
    return error(http::code_of_status(response.status()), "search '{}' at '{}': status {}", question.term,
                 question.index.str(), response.status());
  const json::Document document = TRY(json::Document::parse(TRY(response.read_body(kMaxAnswer))));
  return TRY(json::decode<Page>(document.root())).results;
}

Result<std::int64_t> least_stars(const Filters& filters) {
  std::int64_t least = 0;
  for (const std::string& text : filters.values("stars")) {
    std::int64_t stars = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), stars).ptr != text.data() + text.size())
      return error(Code::InvalidArgument, "invalid filter 'stars={}'", text);
    least = std::max(least, stars);
  }
  return least;
}

Result<void> search(const Context& context, Call& call) {
  const Filters filters = TRY(Filters::parse(call.text("filters"), {"is-automated", "is-official", "stars"}));
  const std::int64_t limit = TRY(call.number("limit")).value_or(kUsual);
  if (limit < kFewest || limit > kMost)
    return error(Code::InvalidArgument, "limit {} is outside the range of [{}, {}]", limit, kFewest, kMost);
  const auto credentials =
      TRY(image::parse_registry_auth(call.request.headers().get_or("X-Registry-Auth", "")))
          .value_or(image::Credentials{});
  const std::int64_t least = TRY(least_stars(filters));
  const bool official = TRY(filters.flag("is-official", false));
  const bool automated = TRY(filters.flag("is-automated", false));

  const Question question = TRY(question_of(context, credentials, call.text("term")));
  std::vector<Found> found = TRY(ask(question, credentials, limit));
  std::erase_if(found, [&](const Found& item) {
    return item.star_count < least || (filters.has("is-official") && item.is_official != official) ||
           (filters.has("is-automated") && item.is_automated != automated);
  });
  return call.send_object(found);
}

}  // namespace

std::span<const Route> image_search_routes() {
  static constexpr Route kRoutes[] = {{"GET", "/images/search", search}};
  return kRoutes;
}

}  // namespace gantry::docker
