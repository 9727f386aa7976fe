// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/credentials.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
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

struct HelperReply {
  WaitStatus status;
  std::string text;  // what it printed: the answer, or a complaint
};

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text;
}

std::string program_of(const std::string& helper) { return "docker-credential-" + helper; }

Result<HelperReply> call_helper(const std::string& name, const char* verb, std::string_view given) {
  const std::string program = program_of(name);
  const UniqueFd input = TRY(memory_file(given));
  const UniqueFd output = TRY(memory_file({}));
  ChildProcess helper = TRY_DURING(
      spawn({.program = program, .arguments = {program, verb}, .in = input.get(), .out = output.get()}),
      "ask '{}'", program);
  const std::optional<WaitStatus> status = TRY(helper.wait_for(kHelperTime));
  if (!status) return error(Code::TimedOut, "'{}' has not answered for {} s", program, kHelperTime.count());
  if (::lseek(output.get(), 0, SEEK_SET) < 0) return sys_error("rewind a memory file");
  std::string text = TRY(read_all(output.get(), program, kMaxFileBytes));
  return HelperReply{*status, trimmed(std::move(text))};
}

// The sentence is part of the protocol; there is nothing else to tell it by.
bool has_nothing(const HelperReply& reply) {
  return !reply.status.is_success() && reply.text == "credentials not found in native keychain";
}

std::string complaint(const HelperReply& reply) {
  return reply.text.empty() ? reply.status.describe() : printable(reply.text, 300);
}

// "docker-credential-<name> get": the server on its input, {"Username", "Secret"} or a complaint on its
// output.
Result<std::optional<Credentials>> ask_helper(const std::string& name, const std::string& server) {
  const std::string program = program_of(name);
  const HelperReply reply = TRY(call_helper(name, "get", server));
  const std::string& text = reply.text;
  if (has_nothing(reply)) return std::optional<Credentials>();
  if (!reply.status.is_success())
    return error(Code::PermissionDenied, "'{}' has no credentials for '{}': {}", program, printable(server),
                 complaint(reply));
  const json::Document document = TRY_DURING(json::Document::parse(text), "answer of '{}'", program);
  HelperAnswer answer = TRY_DURING(json::decode<HelperAnswer>(document.root()), "answer of '{}'", program);
  if (answer.username.empty() && answer.secret.empty()) return std::optional<Credentials>();
  if (answer.username == "<token>") return Credentials{.identity_token = std::move(answer.secret)};
  return Credentials{.username = std::move(answer.username), .password = std::move(answer.secret)};
}

// "store": one object on its input.
Result<void> store_by_helper(const std::string& name, const std::string& server,
                             const Credentials& credentials) {
  const bool is_token = !credentials.identity_token.empty();
  json::Writer given;
  given.begin_object();
  given.key("ServerURL").value(server);
  given.key("Username").value(is_token ? "<token>" : credentials.username);
  given.key("Secret").value(is_token ? credentials.identity_token : credentials.password);
  given.end_object();
  const HelperReply reply = TRY(call_helper(name, "store", std::move(given).text()));
  if (reply.status.is_success()) return {};
  return error(Code::PermissionDenied, "'{}' does not keep credentials for '{}': {}", program_of(name),
               printable(server), complaint(reply));
}

// "erase": the server on its input. Some complain where there was nothing, and some do not.
Result<bool> erase_by_helper(const std::string& name, const std::string& server) {
  const HelperReply reply = TRY(call_helper(name, "erase", server));
  if (has_nothing(reply)) return false;
  if (reply.status.is_success()) return true;
  return error(Code::PermissionDenied, "'{}' does not erase credentials for '{}': {}", program_of(name),
               printable(server), complaint(reply));
}

// A key of "auths" as the clients write it that have no scheme there: docker's hub excepted, the bare host.
std::string server_of(std::string_view registry) {
  const std::string name = normalized(registry);
  return name == oci::kDockerHub ? std::string(kHubKey) : name;
}

// The file with another entry for the registry: `entry` is its JSON, empty to leave it out. All else is
// copied.
std::string with_entry(const json::Value& file, std::string_view registry, std::string_view entry) {
  const std::string server = server_of(registry), name = normalized(registry);
  json::Writer writer(json::Style::Indented);
  writer.begin_object();
  const auto write_auths = [&](std::optional<json::Value> auths) {
    writer.key("auths").begin_object();
    for (std::size_t i = 0; auths && i < auths->size(); ++i)
      if (normalized(auths->key(i)) != name) writer.key(auths->key(i)).value(auths->at(i));
    if (!entry.empty()) writer.key(server).raw(entry);
    writer.end_object();
  };
  bool has_auths = false;
  for (std::size_t i = 0; i < file.size(); ++i) {
    if (file.key(i) != "auths") {
      writer.key(file.key(i)).value(file.at(i));
      continue;
    }
    write_auths(file.at(i));
    has_auths = true;
  }
  if (!has_auths && !entry.empty()) write_auths(std::nullopt);
  writer.end_object();
  return std::move(writer).text() + "\n";
}

std::string entry_of(const Credentials& credentials) {
  json::Writer entry;
  entry.begin_object();
  entry.key("auth").value(to_base64(credentials.username + ":" + credentials.password));
  if (!credentials.identity_token.empty()) entry.key("identitytoken").value(credentials.identity_token);
  if (!credentials.registry_token.empty()) entry.key("registrytoken").value(credentials.registry_token);
  entry.end_object();
  return std::move(entry).text();
}

// For its owner alone, in one step. A link stays, so that a file kept elsewhere is changed there.
Result<void> replace_config(const std::string& path, std::string_view text) {
  char real[PATH_MAX];
  const std::string target = ::realpath(path.c_str(), real) != nullptr ? real : path;
  if (const std::size_t slash = target.rfind('/'); slash != std::string::npos && slash > 0)
    TRY(make_directories(target.substr(0, slash), 0700));
  return replace_file_at(AT_FDCWD, target, text, 0600);
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

// Empty: the environment names no place.
std::string path_of_config() {
  if (std::string file = environment("REGISTRY_AUTH_FILE"); !file.empty()) return file;
  if (const std::string folder = environment("DOCKER_CONFIG"); !folder.empty())
    return folder + "/config.json";
  if (const std::string home = environment("HOME"); !home.empty()) return home + "/.docker/config.json";
  return "";
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
  const std::string path = path_of_config();
  return path.empty() ? CredentialStore() : read(path);
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

// What the file says, and who keeps the credentials of a registry: a helper's name, or "" for the file.
struct CredentialFileContent {
  json::Document document;
  std::string helper;

  static Result<CredentialFileContent> read(const std::string& path, std::string_view registry) {
    Result<std::string> text = read_file(path, kMaxFileBytes);
    if (!text && text.error().code() == Code::NotFound) text = "{}";
    json::Document document =
        TRY_DURING(json::Document::parse(TRY(std::move(text)), {.bytes = kMaxFileBytes}), "'{}'", path);
    const ConfigFile file = TRY_DURING(json::decode<ConfigFile>(document.root()), "'{}'", path);
    std::string helper = file.creds_store;
    for (const auto& [key, name] : file.cred_helpers)
      if (normalized(key) == normalized(registry)) helper = name;
    if (!helper.empty() && !is_helper_name(helper))
      return error(Code::InvalidArgument, "'{}': '{}' is not the name of a helper", path, printable(helper));
    return CredentialFileContent{std::move(document), std::move(helper)};
  }
};

Result<CredentialFile> CredentialFile::from_environment() {
  std::string path = path_of_config();
  if (path.empty())
    return error(Code::InvalidArgument,
                 "there is no place for credentials: HOME, DOCKER_CONFIG and REGISTRY_AUTH_FILE are not set");
  return CredentialFile(std::move(path));
}

Result<std::string> CredentialFile::store(std::string_view registry, const Credentials& credentials) const {
  const CredentialFileContent content = TRY(CredentialFileContent::read(path_, registry));
  if (content.helper.empty()) {
    TRY(replace_config(path_, with_entry(content.document.root(), registry, entry_of(credentials))));
    return path_;
  }
  TRY(store_by_helper(content.helper, server_of(registry), credentials));
  // As docker does it: the empty entry tells that somebody is logged in there, and takes an old secret away.
  TRY(replace_config(path_, with_entry(content.document.root(), registry, "{}")));
  return program_of(content.helper);
}

Result<bool> CredentialFile::erase(std::string_view registry) const {
  const CredentialFileContent content = TRY(CredentialFileContent::read(path_, registry));
  bool was_there = !content.helper.empty() && TRY(erase_by_helper(content.helper, server_of(registry)));
  const auto auths = content.document.root().find("auths");
  bool is_in_file = false;
  for (std::size_t i = 0; auths && i < auths->size(); ++i)
    is_in_file = is_in_file || normalized(auths->key(i)) == normalized(registry);
  if (!is_in_file) return was_there;
  TRY(replace_config(path_, with_entry(content.document.root(), registry, "")));
  return true;
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
