// SPDX-License-Identifier: Apache-2.0
#include "engine/bind_spec.h"

#include <vector>

#include "base/split.h"
#include "kernel/rooted_path.h"

namespace gantry::engine {
namespace {

enum class Kind : std::uint8_t { Access, Label, Copy, Propagation, Consistency };
struct Word {
  std::string_view word;
  Kind kind;
};
constexpr Word kWords[] = {
    {"ro", Kind::Access},
    {"rw", Kind::Access},
    {"z", Kind::Label},
    {"Z", Kind::Label},
    {"nocopy", Kind::Copy},
    {"private", Kind::Propagation},
    {"rprivate", Kind::Propagation},
    {"shared", Kind::Propagation},
    {"rshared", Kind::Propagation},
    {"slave", Kind::Propagation},
    {"rslave", Kind::Propagation},
    {"consistent", Kind::Consistency},
    {"cached", Kind::Consistency},
    {"delegated", Kind::Consistency},
};

const Word* find_word(std::string_view wanted) {
  for (const Word& word : kWords)
    if (word.word == wanted) return &word;
  return nullptr;
}

Error invalid_mode(std::string_view mode) { return error(Code::InvalidArgument, "invalid mode: {}", mode); }
Error invalid_spec(std::string_view text) {
  return error(Code::InvalidArgument, "invalid volume specification: '{}'", text);
}

}  // namespace

Result<BindMode> parse_bind_mode(std::string_view mode) {
  BindMode parsed;
  if (mode.empty()) return parsed;
  unsigned seen = 0;
  for (const std::string_view text : split(mode, ',')) {
    const Word* word = find_word(text);
    if (word == nullptr) return invalid_mode(mode);
    const unsigned bit = 1U << static_cast<unsigned>(word->kind);
    if ((seen & bit) != 0) return invalid_mode(mode);
    seen |= bit;
    if (text == "ro") parsed.read_only = true;
    if (word->kind == Kind::Copy) parsed.no_copy = true;
    if (word->kind == Kind::Propagation) parsed.propagation = text;
  }
  return parsed;
}

Result<BindSpec> parse_bind(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() > 3) return invalid_spec(text);
  for (const std::string_view part : parts)
    if (part.empty()) return invalid_spec(text);
  BindSpec spec;
  spec.target = parts[parts.size() == 1 ? 0 : 1];
  if (parts.size() > 1) spec.source = parts[0];
  if (parts.size() > 2) spec.mode = parts[2];
  if (!spec.target.starts_with('/'))
    return error(Code::InvalidArgument,
                 "invalid volume specification: '{}': invalid mount path: '{}' mount path must be absolute",
                 text, spec.target);
  spec.target = kernel::clean_path(spec.target);
  if (spec.target == "/")
    return error(Code::InvalidArgument,
                 "invalid volume specification: '{}': invalid mount config for type \"{}\": invalid "
                 "specification: destination can't be '/'",
                 text, spec.is_volume() ? "volume" : "bind");
  spec.words = TRY(parse_bind_mode(spec.mode));
  const bool is_wrong = spec.is_volume() ? !spec.words.propagation.empty() : spec.words.no_copy;
  if (is_wrong) return invalid_mode(spec.mode);
  if (!spec.is_volume()) spec.source = kernel::clean_path(spec.source);
  return spec;
}

Result<VolumesFrom> parse_volumes_from(std::string_view text) {
  const std::size_t colon = text.find(':');
  VolumesFrom from{.container = std::string(text.substr(0, colon))};
  if (from.container.empty())
    return error(Code::InvalidArgument, "invalid volumes-from specification: '{}'", text);
  if (colon == std::string_view::npos) return from;
  const BindMode mode = TRY(parse_bind_mode(text.substr(colon + 1)));
  if (mode.no_copy || !mode.propagation.empty()) return invalid_mode(text.substr(colon + 1));
  from.read_only = mode.read_only;
  return from;
}

}  // namespace gantry::engine
