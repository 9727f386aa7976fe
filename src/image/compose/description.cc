// SPDX-License-Identifier: Apache-2.0
#include "image/compose/description.h"

#include <algorithm>

#include "base/json.h"
#include "base/json_codec.h"
#include "yaml/yaml.h"

namespace gantry::image {

using json::Presence;

static void fields(json::Fields& f, ComposedUser& user) {
  f("name", user.name, Presence::Required);
  f("uid", user.uid);
  f("gid", user.gid);
  f("home", user.home);
  f("shell", user.shell);
  f("comment", user.comment);
  f("groups", user.groups);
}

static void fields(json::Fields& f, ComposedFile& file) {
  f("path", file.path, Presence::Required);
  f("content", file.content);
  f("source", file.source);
  f("link", file.link);
  f("mode", file.mode);
  f("owner", file.owner);
}

static void fields(json::Fields& f, ComposedConfig& config) {
  f("entrypoint", config.entrypoint);
  f("cmd", config.cmd);
  f("env", config.env);
  f("user", config.user);
  f("working_dir", config.working_dir);
  f("exposed_ports", config.exposed_ports);
  f("volumes", config.volumes);
  f("labels", config.labels);
  f("stop_signal", config.stop_signal);
}

static void fields(json::Fields& f, Description& description) {
  f("distribution", description.distribution, Presence::Required);
  f("suite", description.suite, Presence::Required);
  f("architecture", description.architecture);
  f("mirror", description.mirror);
  f("components", description.components);
  f("keyring", description.keyring);
  f("sources", description.sources);
  f("packages", description.packages);
  f("users", description.users);
  f("files", description.files);
  f("config", description.config);
  f("source_date_epoch", description.source_date_epoch);
}

namespace {

constexpr std::string_view kWordCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_:~=/*";

// What becomes a part of another program's command line: no option, no list, no shell.
Result<void> check_word(std::string_view field, std::string_view word) {
  if (!word.empty() && word.front() != '-' &&
      word.find_first_not_of(kWordCharacters) == std::string_view::npos)
    return {};
  return error(Code::InvalidArgument, "{}: '{}' is not one", field, word);
}

Result<void> check_words(std::string_view field, const std::vector<std::string>& words) {
  for (const std::string& word : words) TRY(check_word(field, word));
  return {};
}

bool is_user_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && name.front() != '-' &&
         !(name.front() >= '0' && name.front() <= '9') &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

// A field of passwd(5).
Result<void> check_passwd_field(std::string_view field, std::string_view text) {
  if (text.find_first_of(":\n") == std::string_view::npos) return {};
  return error(Code::InvalidArgument, "{}: '{}' has a colon or more than one line", field, text);
}

Result<void> check_file(const ComposedFile& file) {
  if (!file.path.starts_with('/') || file.path == "/")
    return error(Code::InvalidArgument, "files.path: '{}' is not an absolute path", file.path);
  const int kinds = int{file.content.has_value()} + int{!file.source.empty()} + int{!file.link.empty()};
  if (kinds > 1)
    return error(Code::InvalidArgument, "files: '{}' has more than one of content, source and link",
                 file.path);
  if (file.mode.find_first_not_of("01234567") != std::string::npos || file.mode.size() > 5)
    return error(Code::InvalidArgument, "files.mode: '{}' is not an octal number", file.mode);
  return {};
}

Result<void> check(const Description& description) {
  if (description.distribution != "debian" && description.distribution != "ubuntu" &&
      description.distribution != "rpm")
    return error(Code::InvalidArgument, "distribution: debian, ubuntu or rpm, not '{}'",
                 description.distribution);
  TRY(check_word("suite", description.suite));
  TRY(check_words("packages", description.packages));
  TRY(check_words("components", description.components));
  if (!description.architecture.empty()) TRY(check_word("architecture", description.architecture));
  if (!description.mirror.empty()) TRY(check_word("mirror", description.mirror));
  for (const std::string& source : description.sources)
    if (source.starts_with('-') || source.find('\n') != std::string::npos)
      return error(Code::InvalidArgument, "sources: '{}' is not a source", source);
  for (const ComposedUser& user : description.users) {
    if (!is_user_name(user.name))
      return error(Code::InvalidArgument, "users.name: '{}' is not a name", user.name);
    TRY(check_passwd_field("users.home", user.home));
    TRY(check_passwd_field("users.shell", user.shell));
    TRY(check_passwd_field("users.comment", user.comment));
    if (!user.home.empty() && !user.home.starts_with('/'))
      return error(Code::InvalidArgument, "users.home: '{}' is not an absolute path", user.home);
  }
  for (const ComposedFile& file : description.files) TRY(check_file(file));
  return {};
}

}  // namespace

Result<Description> parse_description(std::string_view yaml) {
  const auto document = TRY(json::Document::parse(TRY(yaml::to_json(yaml))));
  auto description = TRY(json::decode<Description>(document.root(), json::UnknownKeys::Refuse));
  TRY(check(description));
  return description;
}

}  // namespace gantry::image
