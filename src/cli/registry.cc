// SPDX-License-Identifier: Apache-2.0
//
// gantry registry: the registry alone, and what it keeps. Logging in is in registry_login.cc.
#include <unistd.h>

#include <array>

#include <fmt/format.h>

#include "base/table.h"
#include "base/timestamp.h"
#include "cli/groups.h"
#include "cli/registry.h"
#include "cli/store.h"
#include "daemon/serve.h"
#include "image/repositories.h"
#include "registry/config.h"
#include "registry/tag_history.h"

namespace gantry::cli {
namespace {

// ---- serve

struct ServeOptions {
  std::string config;
  std::vector<std::string> listen;
  std::string certificate, key, htpasswd;
  bool read_only = false;

  std::vector<Option> table() {
    return {
        {'c', "config", "FILE", &config, "See docs/formats/registry-config.md; what follows overrides it"},
        {0, "listen", "ADDRESS", &listen, "HOST:PORT or unix:PATH (default: 127.0.0.1:5000)"},
        {0, "tls-cert", "FILE", &certificate, "PEM, with the chain; then TLS is spoken"},
        {0, "tls-key", "FILE", &key, "PEM"},
        {0, "htpasswd", "FILE", &htpasswd,
         "Accounts; then whoever has one may do everything, unless the configuration has rules"},
        {0, "read-only", "", &read_only, "Take no pushes"}};
  }
};

Result<registry::Config> configuration(const ServeOptions& options) {
  registry::Config config;
  if (!options.config.empty()) config = TRY(registry::Config::load(options.config));
  if (!options.listen.empty()) config.listen = options.listen;
  if (options.certificate.empty() != options.key.empty())
    return error(Code::InvalidArgument, "--tls-cert and --tls-key belong together");
  if (!options.certificate.empty())
    config.tls = registry::TlsConfig{.certificate = options.certificate, .key = options.key};
  if (!options.htpasswd.empty()) config.auth.htpasswd = options.htpasswd;
  if (options.read_only) config.read_only = true;
  return config;
}

Result<int> serve(Context& context, const ServeOptions& options, const Words&) {
  const auto signals = TRY(daemon::Signals::block());
  const registry::Config config = TRY(configuration(options));
  const Store store = TRY(open_store(context));
  std::vector<std::unique_ptr<daemon::Service>> services;
  services.push_back(TRY(daemon::start_registry(config, *store.images, context.log)));
  TRY(daemon::serve(services, signals, context.log));
  return 0;
}

// ---- what it keeps

constexpr std::size_t kPage = 1000;

Result<int> list(Context& context, const NoOptions&, const Words& words) {
  const Store store = TRY(open_store(context));
  const image::Repositories& repositories = store.images->repositories();
  std::string last;
  for (bool is_whole = false; !is_whole;) {
    const std::vector<std::string> page = words.empty() ? TRY(repositories.repositories(last, kPage))
                                                        : TRY(repositories.tags(words[0], last, kPage));
    std::string text;
    for (const std::string& name : page) text += name + "\n";
    TRY(print(text));
    is_whole = page.size() < kPage;
    if (!page.empty()) last = page.back();
  }
  return 0;
}

struct Tag {
  std::string repository, tag;
};

Result<Tag> parse_tag(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size())
    return error(Code::InvalidArgument, "'{}' is not of the form REPOSITORY:TAG", text);
  return Tag{text.substr(0, colon), text.substr(colon + 1)};
}

Result<int> history(Context& context, const NoOptions&, const Words& words) {
  const Tag tag = TRY(parse_tag(words[0]));
  const Store store = TRY(open_store(context));
  Table table({"WHEN", "DIGEST", "BY"});
  for (const image::TagChange& change : TRY(store.images->repositories().history(tag.repository, tag.tag)))
    table.add({format_timestamp({.tv_sec = change.at / 1'000'000'000, .tv_nsec = change.at % 1'000'000'000}),
               change.digest ? change.digest->str() : "removed", change.by});
  TRY(print(table.text()));
  return 0;
}

// To the digest before the present one, or to a given one.
Result<int> rollback(Context& context, const NoOptions&, const Words& words) {
  const Tag tag = TRY(parse_tag(words[0]));
  const Store store = TRY(open_store(context));
  std::optional<oci::Digest> wanted;
  if (words.size() > 1) wanted = TRY(oci::Digest::parse(words[1]));
  const char* user = ::getlogin();
  const oci::Digest target = TRY(registry::roll_back(store.images->repositories(), tag.repository, tag.tag,
                                                     wanted, user == nullptr ? "" : user));
  TRY(print(target.str() + "\n"));
  return 0;
}

Result<int> remove(Context& context, const NoOptions&, const Words& words) {
  Store store = TRY(open_store(context));
  for (const std::string& word : words) {
    const std::size_t at = word.find('@');
    bool was_there = false;
    if (at != std::string::npos) {
      was_there = TRY(store.images->repositories().remove_manifest(
          word.substr(0, at), TRY(oci::Digest::parse(word.substr(at + 1)))));
    } else {
      const Tag tag = TRY(parse_tag(word));
      was_there = TRY(store.images->repositories().untag(tag.repository, tag.tag));
    }
    if (!was_there) return error(Code::NotFound, "'{}' is not in the registry", word);
  }
  TRY(collect(store));
  return 0;
}

const Verb kHistory = make_verb<NoOptions, history>(
    "history", "REPOSITORY:TAG", {1, 1}, "Show what a tag has pointed at, when, and by whom (of this store)");
const Verb kList = make_verb<NoOptions, list>("ls", "[REPOSITORY]", {0, 1},
                                              "List repositories, or the tags of one (of this store)");
const Verb kRemove = make_verb<NoOptions, remove>("rm", "REPOSITORY:TAG|REPOSITORY@DIGEST...", {1, kAny},
                                                  "Remove tags or manifests (of this store)");
const Verb kRollback =
    make_verb<NoOptions, rollback>("rollback", "REPOSITORY:TAG [DIGEST]", {1, 2},
                                   "Let a tag point at what it pointed at before (of this store)");
const Verb kServe = make_verb<ServeOptions, serve>("serve", "", {0, 0}, "Serve this store's repositories");

}  // namespace

std::span<const Verb> registry_verbs() {
  static const std::array kVerbs = {kHistory, kList, kLogin, kLogout, kRemove, kRollback, kServe};
  return kVerbs;
}

}  // namespace gantry::cli
