// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/token_file.h"

#include "base/file.h"
#include "base/split.h"

namespace gantry::kube {
namespace {

std::string hash_of(std::string_view token) {
  const Sha256 hash = sha256(token);
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

// RFC 4180, one line: fields between commas, those with commas in double quotes. Nothing: quotes do not
// match.
std::optional<std::vector<std::string>> fields_of(std::string_view line) {
  std::vector<std::string> fields(1);
  bool is_quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && is_quoted && line.substr(i + 1).starts_with('"'))
      fields.back() += line[i++];
    else if (line[i] == '"')
      is_quoted = !is_quoted;
    else if (line[i] == ',' && !is_quoted)
      fields.emplace_back();
    else if (line[i] != ' ' || !fields.back().empty())
      fields.back() += line[i];
  }
  if (is_quoted) return std::nullopt;
  return fields;
}

std::vector<std::string> groups_of(std::string_view list) {
  std::vector<std::string> groups;
  for (const std::string_view group : split_words(list, ',')) groups.emplace_back(group);
  return groups;
}

}  // namespace

Result<std::shared_ptr<const TokenFile>> TokenFile::parse(std::string_view csv) {
  auto file = std::make_shared<TokenFile>();
  std::size_t number = 0;
  for (std::string_view line : split(csv, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const auto fields = fields_of(line);
    if (!fields || fields->size() < 3 || (*fields)[0].empty() || (*fields)[1].empty())
      return error(Code::InvalidArgument, "token file: line {} is not token,user,uid[,\"groups\"]", number);
    User user{.name = (*fields)[1], .uid = (*fields)[2]};
    if (fields->size() > 3) user.groups = groups_of((*fields)[3]);
    file->users_[hash_of((*fields)[0])] = std::move(user);
  }
  return std::shared_ptr<const TokenFile>(std::move(file));
}

Result<std::shared_ptr<const TokenFile>> TokenFile::load(const std::string& path) {
  return TRY_DURING(parse(TRY(read_file(path))), "'{}'", path);
}

Result<std::optional<TokenIdentity>> TokenFile::identify(std::string_view token,
                                                         const std::vector<std::string>& /*audiences*/,
                                                         std::int64_t /*now*/) const {
  const auto found = users_.find(hash_of(token));
  if (found == users_.end()) return std::optional<TokenIdentity>();
  return std::optional(TokenIdentity{.user = found->second});
}

}  // namespace gantry::kube
