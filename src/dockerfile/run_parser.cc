// SPDX-License-Identifier: Apache-2.0
//
// parse_run() of instruction_parser.h: RUN with its mounts.
#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "dockerfile/instruction_parser.h"
#include "dockerfile/spelling.h"
#include "dockerfile/values.h"

namespace gantry::dockerfile {
namespace {

constexpr std::array<std::string_view, 4> kFlags = {"mount", "network", "security", "device"};

// ---- The fields of --mount=type=...,field=value

// "type=cache" at its place in the Dockerfile. A field may be quoted as in CSV: "source=a,b".
struct Field {
  std::string key;
  std::optional<Word> value;
  Position at;
};

std::vector<Field> split_fields(const Word& mount) {
  std::vector<Field> fields;
  std::string text;
  std::size_t begin = 0;
  bool is_quoted = false;
  const auto finish = [&] {
    const Position at{mount.at.line, mount.at.column + static_cast<unsigned>(begin)};
    const std::size_t equals = std::min(text.find('='), text.size());
    Field field{.key = text.substr(0, equals), .value = std::nullopt, .at = at};
    for (char& c : field.key)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (equals < text.size()) field.value = Word{text.substr(equals + 1), at};
    fields.push_back(std::move(field));
    text.clear();
  };
  for (std::size_t i = 0; i < mount.text.size(); ++i) {
    const char c = mount.text[i];
    if (c == '"') {
      is_quoted = !is_quoted;
    } else if (c == ',' && !is_quoted) {
      finish();
      begin = i + 1;
    } else {
      text += c;
    }
  }
  finish();
  return fields;
}

constexpr std::array<std::string_view, 5> kTypes = {"bind", "cache", "tmpfs", "secret", "ssh"};

constexpr std::array<std::string_view, 4> kBindFields = {"target", "source", "from", "readonly"};
constexpr std::array<std::string_view, 9> kCacheFields = {"target", "id",  "source", "from",    "sharing",
                                                          "mode",   "uid", "gid",    "readonly"};
constexpr std::array<std::string_view, 2> kTmpfsFields = {"target", "size"};
constexpr std::array<std::string_view, 7> kSecretFields = {"target", "id",  "required", "mode",
                                                           "uid",    "gid", "env"};
constexpr std::array<std::string_view, 6> kSshFields = {"target", "id", "required", "mode", "uid", "gid"};

std::span<const std::string_view> fields_of(MountType type) {
  switch (type) {
    case MountType::Bind: return kBindFields;
    case MountType::Cache: return kCacheFields;
    case MountType::Tmpfs: return kTmpfsFields;
    case MountType::Secret: return kSecretFields;
    case MountType::Ssh: return kSshFields;
  }
  return {};
}

class MountParser {
 public:
  MountParser(Statement& statement, const Word& text) : statement_(statement), text_(text) {}

  Result<RunMount> parse() {
    mount_.at = text_.at;
    const std::vector<Field> fields = split_fields(text_);
    for (const Field& field : fields)
      if (field.key == "type") TRY(set_type(field));
    for (const Field& field : fields)
      if (field.key != "type") TRY(set(field));
    TRY(check());
    return std::move(mount_);
  }

 private:
  Error fail(const Field& field, std::string message, std::string hint = {}) const {
    return statement_.problems().at(field.at, std::move(message), std::move(hint));
  }

  Result<void> set_type(const Field& field) {
    const std::string_view type = field.value ? std::string_view(field.value->text) : "";
    const auto found = std::ranges::find(kTypes, type);
    if (found == kTypes.end())
      return fail(field, fmt::format("'{}' is no type of mount", printable(type)),
                  fmt::format("it is one of {}", fmt::join(kTypes, ", ")));
    mount_.type = static_cast<MountType>(found - kTypes.begin());
    mount_.is_read_only = mount_.type == MountType::Bind;
    return {};
  }

  // The same field under its other names.
  static std::string_view canonical(MountType type, std::string_view key) {
    if (key == "dst" || key == "destination") return "target";
    // A secret has no source: with that word its id is meant.
    if (key == "src" || key == "source") return type == MountType::Secret ? "id" : "source";
    if (key == "ro" || key == "rw" || key == "readwrite") return "readonly";
    return key;
  }

  Result<void> set(const Field& field) {
    const std::string_view key = canonical(mount_.type, field.key);
    const auto known = fields_of(mount_.type);
    if (std::ranges::find(known, key) == known.end()) {
      const std::string_view meant = nearest(field.key, known);
      return fail(
          field,
          fmt::format("a mount of type {} has no field '{}'", name_of(mount_.type), printable(field.key)),
          meant.empty() ? fmt::format("it has {}", fmt::join(known, ", "))
                        : fmt::format("did you mean '{}'?", meant));
    }
    if (key == "readonly") return set_bool(field, mount_.is_read_only);
    if (key == "required") return set_bool(field, mount_.is_required);
    if (!field.value || field.value->is_empty())
      return fail(field, fmt::format("'{}' needs a value", field.key));
    const Word& value = *field.value;
    if (key == "target") mount_.target = value;
    if (key == "source") mount_.source = value;
    if (key == "from") mount_.from = value;
    if (key == "id") mount_.id = value;
    if (key == "env") mount_.env = value;
    if (key == "sharing") return set_sharing(field);
    if (key == "size") return set_number(field, mount_.size, parse_bytes(value.text), "a size, as in 64m");
    if (key == "mode")
      return set_number(field, mount_.mode, parse_octal(value.text), "an octal number, as in 0600");
    if (key == "uid") return set_number(field, mount_.uid, parse_id(value.text), "a number");
    if (key == "gid") return set_number(field, mount_.gid, parse_id(value.text), "a number");
    return {};
  }

  Result<void> set_bool(const Field& field, bool& into) {
    const auto value = field.value ? parse_bool(field.value->text) : std::optional(true);
    if (!value) return fail(field, fmt::format("'{}' is either true or false", field.key));
    const bool is_inverted = field.key == "rw" || field.key == "readwrite";
    into = is_inverted ? !*value : *value;
    return {};
  }

  Result<void> set_sharing(const Field& field) {
    if (field.value->text == "shared")
      mount_.sharing = CacheSharing::Shared;
    else if (field.value->text == "private")
      mount_.sharing = CacheSharing::Private;
    else if (field.value->text == "locked")
      mount_.sharing = CacheSharing::Locked;
    else
      return fail(field, fmt::format("'{}' is no way to share", printable(field.value->text)),
                  "it is shared, private or locked");
    return {};
  }

  template <class T>
  Result<void> set_number(const Field& field, std::optional<T>& into, std::optional<T> value,
                          const char* what) {
    if (!value)
      return fail(field, fmt::format("'{}' is {}, not '{}'", field.key, what, printable(field.value->text)));
    into = value;
    return {};
  }

  Result<void> check() const {
    const bool needs_target =
        mount_.type == MountType::Bind || mount_.type == MountType::Cache || mount_.type == MountType::Tmpfs;
    if (needs_target && mount_.target.is_empty())
      return statement_.problems().at(
          text_.at, fmt::format("a mount of type {} needs a target", name_of(mount_.type)),
          fmt::format("as in: --mount=type={},target=/path", name_of(mount_.type)));
    if (mount_.type == MountType::Secret && mount_.id.is_empty() && mount_.target.is_empty())
      return statement_.problems().at(text_.at, "a secret needs an id",
                                      "as in: --mount=type=secret,id=token");
    return {};
  }

  Statement& statement_;
  const Word& text_;
  RunMount mount_;
};

// One of a flag's words.
template <class T, std::size_t N>
Result<void> choose(Statement& statement, std::string_view name,
                    const std::pair<std::string_view, T> (&words)[N], T& into) {
  const auto value = TRY(statement.flag(name));
  if (!value) return {};
  for (const auto& [word, meaning] : words) {
    if (value->text != word) continue;
    into = meaning;
    return {};
  }
  std::vector<std::string_view> known;
  for (const auto& [word, meaning] : words) known.push_back(word);
  return statement.problems().at(value->at, fmt::format("--{} cannot be '{}'", name, printable(value->text)),
                                 fmt::format("it is one of {}", fmt::join(known, ", ")));
}

constexpr std::pair<std::string_view, RunNetwork> kNetworks[] = {
    {"default", RunNetwork::Default}, {"none", RunNetwork::None}, {"host", RunNetwork::Host}};
constexpr std::pair<std::string_view, RunSecurity> kSecurities[] = {{"sandbox", RunSecurity::Sandbox},
                                                                    {"insecure", RunSecurity::Insecure}};

}  // namespace

std::string_view name_of(MountType type) { return kTypes[static_cast<std::size_t>(type)]; }

Result<Run> parse_run(Statement& statement, std::vector<HereDocument> documents) {
  Run run;
  for (const Word& text : TRY(statement.flags("mount")))
    run.mounts.push_back(TRY(MountParser(statement, text).parse()));
  TRY(choose(statement, "network", kNetworks, run.network));
  TRY(choose(statement, "security", kSecurities, run.security));
  if (const auto device = TRY(statement.flag("device")))
    return statement.problems().at(device->at, "RUN --device is not supported");
  TRY(statement.no_more_flags(kFlags));
  if (statement.rest().empty())
    return statement.problems().at(statement.line().position(0), "RUN needs a command", "as in: RUN make");
  run.command = parse_command_line(statement, statement.rest());
  if (!run.command.is_shell && run.command.words.empty())
    return statement.fail(statement.rest(), "RUN needs a command");
  run.documents = std::move(documents);
  return run;
}

}  // namespace gantry::dockerfile
