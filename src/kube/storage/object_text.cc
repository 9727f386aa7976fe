// SPDX-License-Identifier: Apache-2.0
#include "kube/storage/object_text.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>

namespace gantry::kube {

// ---- Writing

static void write_metadata(json::Writer& writer, const json::Tree& metadata) {
  writer.begin_object();
  for (const auto& [key, value] : metadata.object()) {
    if (key == "resourceVersion") continue;
    writer.key(key);
    value.write_to(writer);
  }
  writer.end_object();
}

std::string stored_text(const json::Tree& object) {
  static const json::Tree kNothing;
  json::Writer writer;
  writer.begin_object();
  writer.key("apiVersion").value(object.text_at("apiVersion"));
  writer.key("kind").value(object.text_at("kind"));
  const json::Tree* metadata = object.find("metadata");
  writer.key("metadata");
  write_metadata(writer, metadata != nullptr ? *metadata : kNothing);
  for (const auto& [key, value] : object.object()) {
    if (key == "apiVersion" || key == "kind" || key == "metadata") continue;
    writer.key(key);
    value.write_to(writer);
  }
  writer.end_object();
  return std::move(writer).text();
}

// ---- Reading

namespace {

// Goes over JSON that was written by us, so its strings and numbers are not looked into; never beyond the
// end, whatever is there. A function that returns false has met something else than JSON.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::size_t position() const { return at_; }
  void skip_space() {
    while (is_at(' ') || is_at('\n') || is_at('\t') || is_at('\r')) ++at_;
  }
  bool is_at(char byte) const { return at_ < text_.size() && text_[at_] == byte; }
  bool take(char byte) {
    skip_space();
    if (!is_at(byte)) return false;
    ++at_;
    return true;
  }
  bool is_at_end() {
    skip_space();
    return at_ == text_.size();
  }

  // What is between the quotes.
  bool string(TextSpan& span) {
    if (!take('"')) return false;
    const std::size_t begin = at_;
    for (bool is_escaped = true; is_escaped; ++at_) {
      at_ = text_.find('"', at_);
      if (at_ == std::string_view::npos) return false;
      // Behind an odd number of backslashes it is a part of the string.
      std::size_t before = at_;
      while (before > begin && text_[before - 1] == '\\') --before;
      is_escaped = (at_ - before) % 2 != 0;
    }
    span = span_from(begin, at_ - 1);
    return true;
  }

  // The next member of the object that was entered; `has` is false at its end.
  bool member(bool& is_first, bool& has, TextSpan& key) {
    if (take('}')) {
      has = false;
      return true;
    }
    if (!is_first && !take(',')) return false;
    is_first = false;
    has = true;
    return string(key) && take(':');
  }

  // Any value; `span` is all of it, of a string what is between the quotes.
  bool value(TextSpan& span) {
    skip_space();
    if (is_at('"')) return string(span);
    const std::size_t begin = at_;
    if (!(is_at('{') || is_at('[') ? skip_brackets() : skip_word())) return false;
    span = span_from(begin, at_);
    return true;
  }

  std::string_view text(TextSpan span) const { return span.in(text_); }

 private:
  static TextSpan span_from(std::size_t begin, std::size_t end) {
    return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin)};
  }
  bool skip_word() {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(",}] \t\r\n", at_), text_.size());
    return at_ > begin;
  }
  // Which bracket closes which is not looked at: nobody but us has written it.
  bool skip_brackets() {
    TextSpan ignored;
    for (std::size_t depth = 0; at_ < text_.size();) {
      switch (text_[at_]) {
        case '"':
          if (!string(ignored)) return false;
          continue;
        case '{':
        case '[': ++depth; break;
        case '}':
        case ']':
          if (--depth == 0) {
            ++at_;
            return true;
          }
          break;
        default: break;
      }
      ++at_;
    }
    return false;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

// Which of the paths are on the way that was gone so far: a bit each.
using Wanted = std::uint64_t;

class PlaceFinder {
 public:
  PlaceFinder(std::string_view text, std::span<const FieldPath> paths, TextPlaces& places)
      : scanner_(text), paths_(paths), places_(places) {}

  bool find() {
    places_.fields.resize(paths_.size());
    return object(0, (Wanted{1} << paths_.size()) - 1) && scanner_.is_at_end() && places_.metadata != 0;
  }

 private:
  // No deeper than the longest path.
  bool object(std::size_t depth, Wanted wanted) {
    if (!scanner_.take('{')) return false;
    bool is_first = true;
    bool has = false;
    TextSpan key;
    for (;;) {
      if (!scanner_.member(is_first, has, key)) return false;
      if (!has) return true;
      const std::string_view name = scanner_.text(key);
      const Wanted still = wanted_of(wanted, depth, name);
      if (!(depth == 0 && name == "metadata" ? metadata(still) : member(depth, still))) return false;
    }
  }

  bool member(std::size_t depth, Wanted wanted) {
    scanner_.skip_space();
    if (wanted != 0 && scanner_.is_at('{')) return object(depth + 1, wanted);
    TextSpan span;
    if (!scanner_.value(span)) return false;
    const bool is_null = scanner_.text(span) == "null";
    for_each(wanted, [&](std::size_t i) {
      if (paths_[i].size() == depth + 1 && !is_null) places_.fields[i] = span;
    });
    return true;
  }

  bool metadata(Wanted wanted) {
    if (!scanner_.take('{')) return false;
    places_.metadata = static_cast<std::uint32_t>(scanner_.position());
    bool is_first = true;
    bool has = false;
    TextSpan key;
    for (;;) {
      if (!scanner_.member(is_first, has, key)) return false;
      if (!has) return true;
      const std::string_view name = scanner_.text(key);
      if (!(name == "labels" ? scanner_.value(places_.labels) : member(1, wanted_of(wanted, 1, name))))
        return false;
    }
  }

  Wanted wanted_of(Wanted wanted, std::size_t depth, std::string_view key) const {
    Wanted still = 0;
    for_each(wanted, [&](std::size_t i) {
      if (paths_[i].size() > depth && paths_[i][depth] == key) still |= Wanted{1} << i;
    });
    return still;
  }

  template <class Visit>
  static void for_each(Wanted wanted, Visit visit) {
    for (; wanted != 0; wanted &= wanted - 1) visit(static_cast<std::size_t>(std::countr_zero(wanted)));
  }

  Scanner scanner_;
  const std::span<const FieldPath> paths_;
  TextPlaces& places_;
};

}  // namespace

Result<TextPlaces> find_places(std::string_view text, std::span<const FieldPath> paths) {
  if (text.size() > std::numeric_limits<std::uint32_t>::max() || paths.size() > kMaxFieldPaths)
    return error(Code::ResourceExhausted, "an object of {} bytes with {} fields to select by", text.size(),
                 paths.size());
  TextPlaces places;
  if (!PlaceFinder(text, paths, places).find()) return error(Code::DataLoss, "it is no object");
  return places;
}

SharedBytes with_revision(std::string_view text, std::uint32_t metadata, store::Revision revision) {
  char digits[24];
  const std::size_t size =
      static_cast<std::size_t>(std::to_chars(digits, std::end(digits), revision).ptr - digits);
  const std::string_view rest = text.substr(metadata);
  std::string made;
  made.reserve(text.size() + 48);
  made.append(text.substr(0, metadata)).append(kRevisionKey).append(digits, size).append("\"");
  if (!rest.starts_with('}')) made.append(",");
  made.append(rest);
  return SharedBytes(made);
}

std::optional<std::string_view> find_text_member(std::string_view object, std::string_view key) {
  Scanner scanner(object);
  bool is_first = true;
  bool has = true;
  TextSpan name, value;
  if (!scanner.take('{')) return std::nullopt;
  while (scanner.member(is_first, has, name) && has && scanner.value(value))
    if (scanner.text(name) == key) return scanner.text(value);
  return std::nullopt;
}

}  // namespace gantry::kube
