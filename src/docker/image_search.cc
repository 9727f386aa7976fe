// SPDX-License-Identifier: Apache-2.0
//
// GET /images/search: what a registry's index knows under a word. Docker's hub has one; of another registry
// without, as ours is, the repositories of its catalogue are those found that have the word in their name.
#include <algorithm>
#include <charconv>
#include <memory>

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
  std::string host;                                 // empty: the hub
  std::shared_ptr<image::RegistryClient> registry;  // of the host
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
  return Question{.index = TRY(registry->base().resolve("/v1/")),
                  .term = term.substr(slash + 1),
                  .host = host,
                  .registry = registry};
}

Result<std::vector<Found>> look_into_catalogue(const Question& question, std::int64_t limit) {
  std::vector<Found> found;
  for (const std::string& repository : TRY(question.registry->repositories())) {
    if (repository.find(question.term) == std::string::npos) continue;
    found.push_back({.name = question.host + "/" + repository});
    if (std::ssize(found) == limit) break;
  }
  return found;
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
  auto response = client.send(request);
  if (question.registry && !(response && response->is_success())) return look_into_catalogue(question, limit);
  if (!response) return std::move(response).error();
  if (!response->is_success())
    return error(http::code_of_status(response->status()), "search '{}' at '{}': status {}", question.term,
                 question.index.str(), response->status());
  const json::Document document = TRY(json::Document::parse(TRY(response->read_body(kMaxAnswer))));
  return TRY(json::decode<Page>(document.root())).results;
}

Result<std::int64_t> least_stars(const Filters& filters) {
  std::int64_t least = 0;
  for (const std::string& text : filters.values("stars")) {
    std::int64_t stars = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), stars);
    if (failure != std::errc{} || end != text.data() + text.size())
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
