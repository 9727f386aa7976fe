// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/credentials.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/json_codec.h"
#include "base/printable.h"
#include "base/process.h"
#include "oci/image/reference.h"

namespace gantry::image {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;

// Docker's hub is kept under an address that it had once, by docker, its helpers and all others.
constexpr std::string_view kHubKey = "https://index.docker.io/v1/";

// One value of "auths", or all of X-Registry-Auth.
struct AuthEntry {
  std::string auth;  // base64 of "username:password"
  std::string username;
  std::string password;
  std::string identity_token;
  std::string registry_token;
};

struct ConfigFile {
  std::map<std::string, AuthEntry> auths;
  std::map<std::string, std::string> cred_helpers;
  std::string creds_store;
};

// What a helper prints.
struct HelperAnswer {
  std::string username;
  std::string secret;
};

void fields(json::Fields& f, AuthEntry& entry) {
  f("auth", entry.auth);
  f("username", entry.username);
  f("password", entry.password);
  f("identitytoken", entry.identity_token);
  f("registrytoken", entry.registry_token);
}

void fields(json::Fields& f, ConfigFile& file) {
  f("auths", file.auths);
  f("credHelpers", file.cred_helpers);
  f("credsStore", file.creds_store);
}

void fields(json::Fields& f, HelperAnswer& answer) {
  f("Username", answer.username);
  f("Secret", answer.secret);
}

bool is_empty(const Credentials& credentials) { return credentials == Credentials{}; }

Result<Credentials> credentials_of(AuthEntry entry) {
  Credentials credentials{.username = std::move(entry.username),
                          .password = std::move(entry.password),
                          .identity_token = std::move(entry.identity_token),
                          .registry_token = std::move(entry.registry_token)};
  if (entry.auth.empty()) return credentials;
  std::optional<std::string> decoded = from_base64(entry.auth);
  const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos)
    return error(Code::InvalidArgument, "auth: expected base64 of 'username:password'");
  // Old versions of docker filled up with NUL bytes.
  decoded->erase(decoded->find_last_not_of('\0') + 1);
  if (decoded->find('\0') != std::string::npos)
    return error(Code::InvalidArgument, "auth: contains a NUL byte");
  credentials.username = decoded->substr(0, colon);
  credentials.password = decoded->substr(std::min(colon + 1, decoded->size()));
  return credentials;
}

// Keys are host names, with a path behind them or not, and may be written as a URL with the API's version at
// its end: "https://quay.io/v2/" is "quay.io".
std::string normalized(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) {
      key.remove_prefix(scheme.size());
      for (const std::string_view version : {"/v1/", "/v2/", "/v1", "/v2"})
        if (key.ends_with(version)) {
          key.remove_suffix(version.size());
          break;
        }
      break;
    }
  while (key.ends_with('/')) key.remove_suffix(1);
  const std::string_view host = key.substr(0, key.find('/'));
  if (host == "index.docker.io" || host == "registry-1.docker.io")
    return std::string(oci::kDockerHub) + std::string(key.substr(host.size()));
  return std::string(key);
}

// The name itself, and then what it stands in: "r/a/b", "r/a", "r".
template <class Map>
typename Map::const_iterator find_longest(const Map& map, std::string name) {
  for (;;) {
    if (const auto found = map.find(name); found != map.end()) return found;
    const std::size_t slash = name.rfind('/');
    if (slash == std::string::npos) return map.end();
    name.resize(slash);
  }
}

bool is_helper_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

// A file in memory: neither side has to wait for the other, as with a pipe.
Result<UniqueFd> memory_file(std::string_view content) {
  UniqueFd fd(::memfd_create("credential-helper", MFD_CLOEXEC));
  if (!fd) return sys_error("make a memory file");
  TRY(write_all(fd.get(), content, "memory file"));
  if (::lseek(fd.get(), 0, SEEK_SET) < 0) return sys_error("rewind a memory file");
  return fd;
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

// "docker-credential-<name> get": the server on its input, {"Username", "Secret"} or a complaint on its
// output.
Result<std::optional<Credentials>> ask_helper(const std::string& name, const std::string& server) {
  const std::string program = "docker-credential-" + name;
  const UniqueFd input = TRY(memory_file(server));
  const UniqueFd output = TRY(memory_file({}));
  ChildProcess helper = TRY_DURING(
      spawn({.program = program, .arguments = {program, "get"}, .in = input.get(), .out = output.get()}),
      "ask '{}'", program);
  const std::optional<WaitStatus> status = TRY(helper.wait_for(kHelperTime));
  if (!status) return error(Code::TimedOut, "'{}' has not answered for {} s", program, kHelperTime.count());
  if (::lseek(output.get(), 0, SEEK_SET) < 0) return sys_error("rewind a memory file");
  const std::string text = trimmed(TRY(read_all(output.get(), program, kMaxFileBytes)));

  if (!status->is_success()) {
    // The sentences are part of the protocol; there is nothing else to tell them by.
    if (text == "credentials not found in native keychain") return std::optional<Credentials>();
    return error(Code::PermissionDenied, "'{}' has no credentials for '{}': {}", program, printable(server),
                 text.empty() ? status->describe() : printable(text, 300));
  }
  const json::Document document = TRY_DURING(json::Document::parse(text), "answer of '{}'", program);
  HelperAnswer answer = TRY_DURING(json::decode<HelperAnswer>(document.root()), "answer of '{}'", program);
  if (answer.username.empty() && answer.secret.empty()) return std::optional<Credentials>();
  if (answer.username == "<token>") return Credentials{.identity_token = std::move(answer.secret)};
  return Credentials{.username = std::move(answer.username), .password = std::move(answer.secret)};
}

Result<json::Document> parse_header(std::string_view header, std::string_view name) {
  const std::optional<std::string> text = from_base64(header);
  if (!text) return error(Code::InvalidArgument, "{}: is not base64", name);
  return TRY_DURING(json::Document::parse(*text, {.bytes = kMaxFileBytes}), "{}", name);
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing of ours sets variables
  return value == nullptr ? "" : value;
}

}  // namespace

Result<CredentialStore> CredentialStore::parse(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json), {.bytes = kMaxFileBytes}));
  ConfigFile file = TRY(json::decode<ConfigFile>(document.root()));

  CredentialStore store;
  for (auto& [key, entry] : file.auths) {
    Credentials credentials = TRY_DURING(credentials_of(std::move(entry)), "auths['{}']", printable(key));
    // Where a helper keeps the secret, docker leaves an empty entry.
    if (!is_empty(credentials)) store.auths_.insert_or_assign(normalized(key), std::move(credentials));
  }
  for (auto& [key, helper] : file.cred_helpers) {
    if (!is_helper_name(helper))
      return error(Code::InvalidArgument, "credHelpers['{}']: '{}' is not the name of a helper",
                   printable(key), printable(helper));
    store.helpers_.insert_or_assign(normalized(key), std::move(helper));
  }
  if (!file.creds_store.empty() && !is_helper_name(file.creds_store))
    return error(Code::InvalidArgument, "credsStore: '{}' is not the name of a helper",
                 printable(file.creds_store));
  store.default_helper_ = std::move(file.creds_store);
  return store;
}

Result<CredentialStore> CredentialStore::read(const std::string& path) {
  Result<std::string> text = read_file(path, kMaxFileBytes);
  if (!text && text.error().code() == Code::NotFound) return CredentialStore();
  return TRY_DURING(parse(TRY(std::move(text))), "'{}'", path);
}

Result<CredentialStore> CredentialStore::from_environment() {
  if (const std::string file = environment("REGISTRY_AUTH_FILE"); !file.empty()) return read(file);
  if (const std::string folder = environment("DOCKER_CONFIG"); !folder.empty())
    return read(folder + "/config.json");
  if (const std::string home = environment("HOME"); !home.empty()) return read(home + "/.docker/config.json");
  return CredentialStore();
}

Result<std::optional<Credentials>> CredentialStore::find(std::string_view registry,
                                                         std::string_view repository) const {
  std::string name = normalized(registry);
  const std::string server = name == oci::kDockerHub ? std::string(kHubKey) : name;
  if (!repository.empty()) name.append("/").append(repository);

  // As docker has it: a helper answers for all that it is named for, and the file for the rest.
  if (const auto helper = find_longest(helpers_, name); helper != helpers_.end()) {
    const bool is_whole_registry = helper->first.find('/') == std::string::npos;
    return ask_helper(helper->second, is_whole_registry ? server : helper->first);
  }
  if (!default_helper_.empty()) return ask_helper(default_helper_, server);
  if (const auto found = find_longest(auths_, name); found != auths_.end()) return found->second;
  return std::optional<Credentials>();
}

Result<std::optional<Credentials>> parse_registry_auth(std::string_view header) {
  if (header.empty()) return std::optional<Credentials>();
  const json::Document document = TRY(parse_header(header, "X-Registry-Auth"));
  if (document.root().is_null()) return std::optional<Credentials>();
  AuthEntry entry = TRY_DURING(json::decode<AuthEntry>(document.root()), "X-Registry-Auth");
  Credentials credentials = TRY_DURING(credentials_of(std::move(entry)), "X-Registry-Auth");
  if (is_empty(credentials)) return std::optional<Credentials>();
  return credentials;
}

Result<CredentialStore> parse_registry_config(std::string_view header) {
  if (header.empty()) return CredentialStore();
  const json::Document document = TRY(parse_header(header, "X-Registry-Config"));
  if (document.root().is_null()) return CredentialStore();
  // The same as the part of the file.
  json::Writer file;
  file.begin_object().key("auths").value(document.root()).end_object();
  return TRY_DURING(CredentialStore::parse(std::move(file).text()), "X-Registry-Config");
}

}  // namespace gantry::image
