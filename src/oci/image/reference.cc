// SPDX-License-Identifier: Apache-2.0
#include "oci/image/reference.h"

#include <algorithm>
#include <utility>

#include "base/printable.h"

namespace gantry::oci {
namespace {

constexpr std::string_view kOfficial = "library/";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alphanumeric(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }

// Words of lower-case letters and digits, with '.', '_', '__' or any number of '-' between them.
bool is_path_component(std::string_view text) {
  std::size_t separator = 0;  // where the one that we are in begins, or where the last word ended
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_lower(c) || is_digit(c)) {
      if (i > separator) {
        const std::string_view between = text.substr(separator, i - separator);
        const bool is_dashes = between.find_first_not_of('-') == std::string_view::npos;
        if (separator == 0 || (!is_dashes && between != "." && between != "_" && between != "__"))
          return false;
      }
      separator = i + 1;
    } else if (c != '.' && c != '_' && c != '-') {
      return false;
    }
  }
  return !text.empty() && separator == text.size();
}

bool is_host_name(std::string_view text) {
  for (;;) {
    const std::string_view label = text.substr(0, text.find('.'));
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    if (!std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; })) return false;
    if (label.size() == text.size()) return true;
    text.remove_prefix(label.size() + 1);
  }
}

bool is_port(std::string_view text) {
  constexpr unsigned kMax = 65535;
  unsigned port = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    port = 10 * port + static_cast<unsigned>(c - '0');
    if (port > kMax) return false;
  }
  return port > 0;
}

// What people write for an image's id, so no repository may be called so.
bool is_id(std::string_view text) {
  constexpr std::size_t kLength = 64;
  return text.size() == kLength &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

// Whether the part before the first '/' of a name is a registry and not the first part of a path.
bool looks_like_registry(std::string_view part) {
  return part.find_first_of(".:") != std::string_view::npos || part == "localhost" ||
         std::ranges::any_of(part, is_upper);
}

template <class... Args>
Error refuse(std::string_view text, fmt::format_string<Args...> reason, Args&&... args) {
  return error(Code::InvalidArgument, "image name '{}': {}", printable(text),
               fmt::format(reason, std::forward<Args>(args)...));
}

}  // namespace

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > kMaxTagLength || text.front() == '.' || text.front() == '-') return false;
  return std::ranges::all_of(text,
                             [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_repository(std::string_view text) {
  if (text.size() > kMaxNameLength) return false;
  for (;;) {
    const std::size_t slash = text.find('/');
    if (!is_path_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool is_registry(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const bool is_address = std::ranges::all_of(text.substr(1, end - 1), [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
    });
    const std::string_view rest = text.substr(end + 1);
    return is_address && (rest.empty() || (rest.front() == ':' && is_port(rest.substr(1))));
  }
  const std::size_t colon = text.find(':');
  return is_host_name(text.substr(0, colon)) &&
         (colon == std::string_view::npos || is_port(text.substr(colon + 1)));
}

Result<Reference> Reference::of(std::string_view registry, std::string_view repository) {
  if (registry.empty() || registry == "index.docker.io") registry = kDockerHub;
  if (!is_registry(registry)) return refuse(registry, "is not the name of a registry");
  std::string path(repository);
  if (registry == kDockerHub && path.find('/') == std::string::npos) path.insert(0, kOfficial);

  if (registry.size() + 1 + path.size() > kMaxNameLength)
    return refuse(path, "has more than the {} bytes allowed", kMaxNameLength);
  if (!is_repository(path)) {
    if (std::ranges::any_of(path, is_upper)) return refuse(path, "a repository is written in lower case");
    return refuse(path,
                  "a repository has words of lower-case letters and digits, with '/', '.', '_', '__' or '-' "
                  "between them");
  }
  return Reference(std::string(registry), std::move(path));
}

Result<Reference> Reference::parse_untagged(std::string_view text) {
  if (text.empty()) return error(Code::InvalidArgument, "the image name is empty");
  if (is_id(text)) return refuse(text, "64 hexadecimal digits are an image id, not a name");

  std::string_view name = text;
  std::optional<Digest> digest;
  if (const std::size_t at = name.find('@'); at != std::string_view::npos) {
    digest = TRY_DURING(Digest::parse(name.substr(at + 1)), "image name '{}'", printable(text));
    name = name.substr(0, at);
  }
  std::optional<std::string> tag;
  const std::size_t colon = name.rfind(':');
  const std::size_t last_slash = name.rfind('/');
  if (colon != std::string_view::npos && (last_slash == std::string_view::npos || colon > last_slash) &&
      !name.ends_with(']')) {
    tag = name.substr(colon + 1);
    if (!is_tag(*tag))
      return refuse(
          text, "a tag has 1 to {} letters, digits, '_', '.' and '-', and begins with none of the last two",
          kMaxTagLength);
    name = name.substr(0, colon);
  }

  std::string_view registry = kDockerHub;
  if (const std::size_t slash = name.find('/');
      slash != std::string_view::npos && looks_like_registry(name.substr(0, slash))) {
    registry = name.substr(0, slash);
    name.remove_prefix(slash + 1);
  }
  Reference reference = TRY(of(registry, name));
  reference.tag_ = std::move(tag);
  reference.digest_ = digest;
  return reference;
}

Result<Reference> Reference::parse(std::string_view text) {
  Reference reference = TRY(parse_untagged(text));
  if (!reference.tag_ && !reference.digest_) reference.tag_ = kDefaultTag;
  return reference;
}

Result<Reference> Reference::with_tag(std::string_view tag) const {
  if (!is_tag(tag)) return refuse(name(), "'{}' is not a tag", printable(tag));
  Reference changed = *this;
  changed.tag_ = tag;
  return changed;
}

Reference Reference::with_digest(const Digest& digest) const {
  Reference changed = *this;
  changed.digest_ = digest;
  return changed;
}

Reference Reference::without_digest() const {
  Reference changed = *this;
  changed.digest_.reset();
  return changed;
}

Reference Reference::untagged() const { return {registry_, repository_}; }

std::string Reference::name() const { return registry_ + '/' + repository_; }

std::string Reference::familiar_name() const {
  if (registry_ != kDockerHub) return name();
  std::string_view path = repository_;
  if (const std::string_view rest = path.substr(std::min(path.size(), kOfficial.size()));
      path.starts_with(kOfficial) && rest.find('/') == std::string_view::npos && !is_id(rest))
    path = rest;
  // A path whose first part would be taken for a registry keeps its own.
  const std::size_t slash = path.find('/');
  if (slash != std::string_view::npos && looks_like_registry(path.substr(0, slash))) return name();
  return std::string(path);
}

static std::string with_suffix(std::string name, const std::optional<std::string>& tag,
                               const std::optional<Digest>& digest) {
  if (tag) name += ':' + *tag;
  if (digest) name += '@' + digest->str();
  return name;
}

std::string Reference::str() const { return with_suffix(name(), tag_, digest_); }
std::string Reference::familiar() const { return with_suffix(familiar_name(), tag_, digest_); }

}  // namespace gantry::oci
