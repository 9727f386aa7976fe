// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/registries_config.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json_codec.h"
#include "base/printable.h"

namespace gantry::image {

using enum json::Presence;

static void fields(json::Fields& f, HostRule& rule) {
  f("plainHttp", rule.plain_http);
  f("skipVerify", rule.skip_verify);
  f("caFiles", rule.ca_files);
  f("clientCertificate", rule.client_certificate);
  f("clientKey", rule.client_key);
}

static void fields(json::Fields& f, PrefixRule& rule) {
  f("prefix", rule.prefix, Required);
  f("location", rule.location);
  f("mirrors", rule.mirrors);
  f("blocked", rule.blocked);
}

static void fields(json::Fields& f, LayerRule& rule) {
  f("maxBytes", rule.max_bytes);
  f("maxRatio", rule.max_ratio);
}

namespace {

constexpr std::string_view kDefaultFile = "/etc/gantry/registries.json";
constexpr std::size_t kMaxFileBytes = 1 << 20;
constexpr std::string_view kHubHost = "registry-1.docker.io";

struct File {
  std::map<std::string, HostRule> hosts;
  std::vector<PrefixRule> prefixes;
  LayerRule layers;
  std::vector<std::string> certificate_directories = {"/etc/gantry/certs.d", "/etc/docker/certs.d",
                                                      "/etc/containers/certs.d"};
};

void fields(json::Fields& f, File& file) {
  f("hosts", file.hosts);
  f("prefixes", file.prefixes);
  f("layers", file.layers);
  f("certificateDirectories", file.certificate_directories);
}

// "*.lab" stands for every host below "lab".
bool is_wildcard(std::string_view host) { return host.starts_with("*."); }

bool is_host_pattern(std::string_view text) {
  return oci::is_registry(is_wildcard(text) ? text.substr(2) : text);
}

struct Name {
  std::string_view host;
  std::string_view path;  // without a slash in front; may be empty
};

Name split(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return {name, {}};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

Result<void> check_name(std::string_view text, std::string_view field, bool may_be_wildcard) {
  const auto [host, path] = split(text);
  if (!may_be_wildcard && is_wildcard(host))
    return error(Code::InvalidArgument, "{}: '{}' must be one host, not '*'", field, printable(text));
  if (!is_host_pattern(host) || (host.size() < text.size() && !oci::is_repository(path)))
    return error(Code::InvalidArgument, "{}: '{}' is not a registry with a path behind it or not", field,
                 printable(text));
  return {};
}

Result<void> check(const File& file) {
  if (file.layers.max_bytes == 0 || file.layers.max_ratio == 0)
    return error(Code::InvalidArgument, "layers: a limit of 0 leaves nothing to pull");
  for (const auto& [host, rule] : file.hosts) {
    const std::string field = fmt::format("hosts['{}']", printable(host));
    if (!is_host_pattern(host)) return error(Code::InvalidArgument, "{}: is not a host name", field);
    if (rule.client_certificate.empty() != rule.client_key.empty())
      return error(Code::InvalidArgument, "{}: 'clientCertificate' and 'clientKey' go together", field);
  }
  for (std::size_t i = 0; i < file.prefixes.size(); ++i) {
    const PrefixRule& rule = file.prefixes[i];
    const std::string field = fmt::format("prefixes[{}]", i);
    TRY(check_name(rule.prefix, field + ".prefix", true));
    for (std::size_t k = 0; k < i; ++k)
      if (file.prefixes[k].prefix == rule.prefix)
        return error(Code::InvalidArgument, "{}.prefix: '{}' is there twice", field, rule.prefix);
    if (!rule.location.empty()) TRY(check_name(rule.location, field + ".location", false));
    for (std::size_t k = 0; k < rule.mirrors.size(); ++k)
      TRY(check_name(rule.mirrors[k], fmt::format("{}.mirrors[{}]", field, k), false));
    if (rule.blocked && !(rule.location.empty() && rule.mirrors.empty()))
      return error(Code::InvalidArgument, "{}.blocked: leaves nothing for 'location' and 'mirrors' to do",
                   field);
  }
  return {};
}

bool host_matches(std::string_view pattern, std::string_view host) {
  return is_wildcard(pattern) ? host.ends_with(pattern.substr(1)) : pattern == host;
}

// How much of a name a prefix covers: more is more particular. Nullopt if it does not.
std::optional<std::size_t> coverage(std::string_view prefix, std::string_view name) {
  const Name wanted = split(prefix);
  const Name given = split(name);
  if (!host_matches(wanted.host, given.host)) return std::nullopt;
  if (wanted.path.empty()) return wanted.host.size();
  const bool is_inside =
      given.path == wanted.path ||
      (given.path.starts_with(wanted.path) && given.path.substr(wanted.path.size()).starts_with('/'));
  if (!is_inside) return std::nullopt;
  return prefix.size();
}

const PrefixRule* find_rule(const std::vector<PrefixRule>& rules, std::string_view name) {
  const PrefixRule* best = nullptr;
  std::pair<bool, std::size_t> best_rank;
  for (const PrefixRule& rule : rules) {
    const std::optional<std::size_t> covered = coverage(rule.prefix, name);
    if (!covered) continue;
    // Any host by its own name goes before all wildcards.
    const std::pair rank(!is_wildcard(rule.prefix), *covered);
    if (best != nullptr && rank <= best_rank) continue;
    best = &rule;
    best_rank = rank;
  }
  return best;
}

const HostRule* find_host(const std::map<std::string, HostRule>& hosts, std::string_view host) {
  if (const auto found = hosts.find(std::string(host)); found != hosts.end()) return &found->second;
  const HostRule* best = nullptr;
  std::size_t longest = 0;
  for (const auto& [pattern, rule] : hosts)
    if (is_wildcard(pattern) && host_matches(pattern, host) && pattern.size() > longest) {
      best = &rule;
      longest = pattern.size();
    }
  return best;
}

// What the name becomes when `location` takes the place of the prefix.
Result<oci::Reference> relocated(const oci::Reference& reference, const PrefixRule& rule,
                                 std::string_view location) {
  const std::string name = reference.name();
  // A wildcard stands for the host alone, with the path that follows it in the prefix.
  const std::size_t covered =
      is_wildcard(rule.prefix)
          ? reference.registry().size() + (rule.prefix.size() - split(rule.prefix).host.size())
          : rule.prefix.size();
  std::string target(location);
  target += name.substr(covered);
  const auto [host, path] = split(target);
  if (path.empty())
    return error(Code::InvalidArgument, "'{}' at '{}': no repository is left of the name", name, location);
  return TRY_DURING(oci::Reference::of(host, path), "'{}' at '{}'", name, location);
}

bool is_loopback(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1) == "[::1]";
  const std::string_view name = host.substr(0, host.find(':'));
  return name == "localhost" ||
         (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos);
}

bool ends_with_and_more(std::string_view name, std::string_view suffix) {
  return name.size() > suffix.size() && name.ends_with(suffix);
}

// What docker reads in a folder of a host: authorities in "*.crt", a client's certificate in "x.cert" and its
// key in "x.key".
Result<void> add_certificates(const std::string& folder, http::TlsClientOptions& tls) {
  Result<std::vector<std::string>> listed = names_in(AT_FDCWD, folder);
  if (!listed && listed.error().code() == Code::NotFound) return {};
  std::vector<std::string> names = TRY(std::move(listed));
  std::ranges::sort(names);
  for (const std::string& name : names) {
    const std::string path = fmt::format("{}/{}", folder, name);
    if (ends_with_and_more(name, ".crt")) tls.ca_files.push_back(path);
    if (!ends_with_and_more(name, ".cert")) continue;
    const std::string key = name.substr(0, name.size() - 4) + "key";
    if (std::ranges::find(names, key) == names.end())
      return error(Code::NotFound, "'{}': there is no key '{}' beside it", path, key);
    if (!tls.identity.certificate_file.empty())
      return error(Code::Conflict, "'{}': '{}' is configured too, and only one can be shown", path,
                   tls.identity.certificate_file);
    tls.identity = {.certificate_file = path, .key_file = fmt::format("{}/{}", folder, key)};
  }
  return {};
}

}  // namespace

Result<RegistriesConfig> RegistriesConfig::parse(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json), {.bytes = kMaxFileBytes}));
  File file = TRY(json::decode<File>(document.root(), json::UnknownKeys::Refuse));
  TRY(check(file));
  RegistriesConfig config;
  config.hosts_ = std::move(file.hosts);
  config.prefixes_ = std::move(file.prefixes);
  config.certificate_directories_ = std::move(file.certificate_directories);
  if (file.layers.max_bytes) config.layer_limits_.max_bytes = *file.layers.max_bytes;
  if (file.layers.max_ratio) config.layer_limits_.max_ratio = static_cast<double>(*file.layers.max_ratio);
  return config;
}

Result<RegistriesConfig> RegistriesConfig::read(const std::string& path) {
  Result<std::string> text = read_file(path, kMaxFileBytes);
  if (!text && text.error().code() == Code::NotFound) return parse("{}");
  return TRY_DURING(parse(TRY(std::move(text))), "'{}'", path);
}

Result<RegistriesConfig> RegistriesConfig::from_host() {
  const char* file =
      std::getenv("GANTRY_REGISTRIES");  // NOLINT(concurrency-mt-unsafe): nothing of ours sets it
  return read(file != nullptr && *file != '\0' ? file : std::string(kDefaultFile));
}

// "https://mirror.example/" is mirror.example; a mirror over plain HTTP is one that is insecure.
Result<void> RegistriesConfig::add_hub_mirror(std::string_view url) {
  const bool is_plain = url.starts_with("http://");
  if (!is_plain && !url.starts_with("https://"))
    return error(Code::InvalidArgument, "registry mirror '{}': expected a URL of http or https", url);
  url.remove_prefix(url.find("//") + 2);
  while (url.ends_with('/')) url.remove_suffix(1);
  if (!is_host_pattern(url.substr(0, url.find('/'))))
    return error(Code::InvalidArgument, "registry mirror '{}': expected a host after the scheme", url);
  if (is_plain) hosts_[std::string(url.substr(0, url.find('/')))].plain_http = true;
  const auto hub = std::ranges::find(prefixes_, oci::kDockerHub, &PrefixRule::prefix);
  PrefixRule& rule = hub == prefixes_.end() ? prefixes_.emplace_back() : *hub;
  rule.prefix = oci::kDockerHub;
  rule.mirrors.emplace_back(url);
  return {};
}

Result<HostSettings> RegistriesConfig::settings_of(const std::string& host) const {
  HostSettings settings;
  const HostRule* rule = find_host(hosts_, host);
  if (rule != nullptr && rule->plain_http)
    settings.transport = *rule->plain_http ? Transport::Plain : Transport::Tls;
  else if (is_loopback(host) || (rule != nullptr && rule->is_insecure))
    settings.transport = Transport::Either;

  if (rule != nullptr) {
    settings.tls.verify = !rule->skip_verify && !rule->is_insecure;
    settings.tls.ca_files = rule->ca_files;
    settings.tls.identity = {.certificate_file = rule->client_certificate, .key_file = rule->client_key};
  }
  for (const std::string& folder : certificate_directories_) {
    TRY(add_certificates(fmt::format("{}/{}", folder, host), settings.tls));
    // People call the hub by its name, not by its server's.
    if (host == kHubHost) TRY(add_certificates(fmt::format("{}/{}", folder, oci::kDockerHub), settings.tls));
  }
  return settings;
}

Result<RegistryEndpoint> RegistriesConfig::registry(const std::string& name) const {
  RegistryEndpoint endpoint{.registry = name, .host = name == oci::kDockerHub ? std::string(kHubHost) : name};
  endpoint.settings = TRY_DURING(settings_of(endpoint.host), "settings of registry '{}'", name);
  return endpoint;
}

Result<RegistryEndpoint> RegistriesConfig::endpoint(const oci::Reference& place) const {
  RegistryEndpoint endpoint = TRY(registry(place.registry()));
  endpoint.repository = place.repository();
  return endpoint;
}

Result<RegistryEndpoint> RegistriesConfig::push_endpoint(const oci::Reference& reference) const {
  const PrefixRule* rule = find_rule(prefixes_, reference.name());
  if (rule == nullptr) return endpoint(reference);
  if (rule->blocked)
    return error(Code::PermissionDenied, "'{}' is blocked by the configuration (prefix '{}')",
                 reference.name(), rule->prefix);
  if (rule->location.empty()) return endpoint(reference);
  return endpoint(TRY(relocated(reference, *rule, rule->location)));
}

Result<std::vector<RegistryEndpoint>> RegistriesConfig::pull_endpoints(
    const oci::Reference& reference) const {
  RegistryEndpoint origin = TRY(push_endpoint(reference));
  std::vector<RegistryEndpoint> endpoints;
  if (const PrefixRule* rule = find_rule(prefixes_, reference.name()))
    for (const std::string& mirror : rule->mirrors) {
      endpoints.push_back(TRY(endpoint(TRY(relocated(reference, *rule, mirror)))));
      endpoints.back().is_mirror = true;
    }
  endpoints.push_back(std::move(origin));
  return endpoints;
}

}  // namespace gantry::image
