// SPDX-License-Identifier: Apache-2.0
//
// Our own parser, since Debian's RapidJSON (1.1.0 of 2016) computes with null pointers, rounds by a clz(0)
// and lets half surrogate pairs through; and what is left to write around it was as long as this. The tree is
// nodes of 16 bytes whose strings stay in the text they were parsed from, and no destructor walks it.
#include "base/json.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "base/printable.h"

namespace gantry::json {
namespace {

enum class Number : std::uint8_t { Signed, Unsigned, Double };

constexpr std::size_t kFirstRoom = 512;  // bytes of a text that has an object or an array

constexpr std::array<bool, 256> kIsPlain = [] {
  std::array<bool, 256> is_plain{};
  for (std::size_t byte = 0x20; byte < 0x7f; ++byte) is_plain[byte] = byte != '"' && byte != '\\';
  return is_plain;
}();

// The beginning of a text that is printable ASCII and stands for itself: eight bytes at a time, since most of
// every text is such.
const char* end_of_plain(const char* at, const char* end) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = kOnes << 7;
  // Sets the high bit of bytes that are 0, and perhaps of some behind the first of them.
  const auto zeros = [](std::uint64_t bytes) { return (bytes - kOnes) & ~bytes; };
  for (; end - at >= 8; at += 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, at, sizeof bytes);
    const std::uint64_t below_space = (bytes - kOnes * 0x20) & ~bytes;
    const std::uint64_t special = (bytes | below_space | zeros(bytes ^ kOnes * '"') |
                                   zeros(bytes ^ kOnes * '\\') | zeros(bytes ^ kOnes * 0x7f)) &
                                  kHigh;
    static_assert(std::endian::native == std::endian::little);
    if (special != 0) return at + std::countr_zero(special) / 8;
  }
  while (at < end && kIsPlain[static_cast<unsigned char>(*at)]) ++at;
  return at;
}

bool is_plain(std::string_view text) {
  const char* const end = text.data() + text.size();
  return end_of_plain(text.data(), end) == end;
}

enum class Quoted : std::uint8_t { Value, FirstKey, NextKey };

// In quotes, where nothing needs an escape; a key with what stands around it.
void append_plain(std::string_view text, Quoted as, std::string& to) {
  const std::size_t before = to.size();
  const std::size_t after = before + text.size() + (as == Quoted::Value ? 2 : as == Quoted::FirstKey ? 3 : 4);
  // The second argument is no help: libstdc++ 12 gives what it has made room for.
  to.resize_and_overwrite(after, [&](char* all, std::size_t) {
    char* at = all + before;
    if (as == Quoted::NextKey) *at++ = ',';
    *at++ = '"';
    at = std::copy(text.begin(), text.end(), at);  // an empty one may have no address, which memcpy refuses
    *at++ = '"';
    if (as != Quoted::Value) *at = ':';
    return after;
  });
}

// Trivial, so that making room for many does not touch their memory.
struct Node {
  Kind kind;
  Number number;
  std::uint32_t size;  // bytes of a string, values of an array, members of an object
  union {
    bool boolean;
    std::int64_t signed_integer;
    std::uint64_t unsigned_integer;  // only what does not fit in 63 bits
    double real;
    const char* text;
    const Node* children;  // an object's are key, value, key, value...
  };
};
static_assert(sizeof(Node) == 16);

const Node& node_of(const void* node) { return *static_cast<const Node*>(node); }

std::string_view text_of(const Node& node) { return {node.text, node.size}; }

// Hands out arrays of nodes that live as long as it does.
class Arena {
 public:
  Node* allocate(std::size_t count) {
    if (count > free_) {
      free_ = std::max(count, kChunk);
      chunks_.push_back(std::make_unique_for_overwrite<Node[]>(free_));
      next_ = chunks_.back().get();
    }
    free_ -= count;
    return std::exchange(next_, next_ + count);
  }

 private:
  static constexpr std::size_t kChunk = 512;  // 8 KiB
  std::vector<std::unique_ptr<Node[]>> chunks_;
  Node* next_ = nullptr;
  std::size_t free_ = 0;
};

// RFC 8259 without recursion. Strings are decoded in place, where they only shrink, so the tree needs no
// copies of them; the values of a finished array or object move from a stack into the arena. A function that
// returns false has set refusal_.
class Parser {
 public:
  // Changes `text`, and the tree will point into it.
  Parser(std::string& text, Arena& arena, const Limits& limits)
      : at_(text.data()), end_(text.data() + text.size()), line_start_(at_), arena_(arena), limits_(limits) {
    pending_.reserve(kFewValues);
    open_.reserve(kFewLevels);
    keys_.reserve(kFewValues);
  }

  Result<Node> parse() {
    if (document()) return pending_.front();
    return error(Code::InvalidArgument, "JSON line {} column {}: {}", line_, at_ - line_start_ + 1, refusal_);
  }

  bool has_repeated_keys() const { return has_repeated_keys_; }

 private:
  // Room from the start: most objects have no more in one place.
  static constexpr std::size_t kFewValues = 64;
  static constexpr std::size_t kFewLevels = 16;

  struct Open {
    bool is_object;
    std::size_t first;  // of its values in pending_
  };

  bool document() {
    skip_space();
    for (;;) {
      // Here a value begins.
      if (*at_ == '{' || *at_ == '[') {
        const bool is_object = *at_ == '{';
        if (!open(is_object)) return false;
        if (*at_ != (is_object ? '}' : ']')) {
          if (is_object && !key()) return false;
          continue;
        }
        if (!close()) return false;
      } else if (!scalar()) {
        return false;
      }
      // Here one ended; it may be the last of what it is in, and that the last of what that is in.
      for (;;) {
        skip_space();
        if (open_.empty()) return at_ == end_ || refuse("something follows the value");
        const bool is_object = open_.back().is_object;
        if (*at_ == ',') {
          ++at_;
          skip_space();
          if (is_object && !key()) return false;
          break;
        }
        if (*at_ != (is_object ? '}' : ']'))
          return refuse(is_object ? "expected ',' or '}'" : "expected ',' or ']'");
        if (!close()) return false;
      }
    }
  }

  bool open(bool is_object) {
    if (open_.size() == limits_.depth)
      return refuse(fmt::format("nested deeper than {} levels", limits_.depth));
    open_.push_back({is_object, pending_.size()});
    ++at_;
    skip_space();
    return true;
  }

  bool close() {
    const auto [is_object, first] = open_.back();
    const std::span<const Node> values = std::span(pending_).subspan(first);
    if (is_object && !is_each_key_once(values)) return false;
    Node* const children = arena_.allocate(values.size());
    std::ranges::copy(values, children);
    const auto size = static_cast<std::uint32_t>(is_object ? values.size() / 2 : values.size());
    pending_.resize(first);
    pending_.push_back({.kind = is_object ? Kind::Object : Kind::Array, .size = size, .children = children});
    open_.pop_back();
    ++at_;
    return true;
  }

  bool is_each_key_once(std::span<const Node> members) {
    keys_.clear();
    for (std::size_t i = 0; i < members.size(); i += 2) keys_.push_back(text_of(members[i]));
    // What a program wrote is often in order already, and mostly short.
    if (!std::ranges::is_sorted(keys_)) std::ranges::sort(keys_);
    const auto twice = std::ranges::adjacent_find(keys_);
    if (twice == keys_.end()) return true;
    has_repeated_keys_ = true;
    if (limits_.allows_repeated_keys) return true;
    return refuse(fmt::format("the object that ends here has the key '{}' twice", printable(*twice)));
  }

  bool key() {
    if (*at_ != '"') return refuse("expected a key in double quotes");
    if (!string()) return false;
    skip_space();
    if (*at_ != ':') return refuse("expected ':' after the key");
    ++at_;
    skip_space();
    return true;
  }

  bool scalar() {
    switch (*at_) {
      case '"': return string();
      case 'n': return literal("null", {.kind = Kind::Null});
      case 't': return literal("true", {.kind = Kind::Bool, .boolean = true});
      case 'f': return literal("false", {.kind = Kind::Bool, .boolean = false});
      default:
        if (*at_ == '-' || is_digit(*at_)) return number();
        return refuse("expected a value");
    }
  }

  bool literal(std::string_view word, const Node& node) {
    if (!std::string_view(at_, end_).starts_with(word)) return refuse("expected a value");
    at_ += word.size();
    pending_.push_back(node);
    return true;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  bool digits() {
    if (!is_digit(*at_)) return refuse("expected a digit");
    while (is_digit(*at_)) ++at_;
    return true;
  }

  bool number() {
    char* const begin = at_;
    const bool is_negative = *at_ == '-';
    if (is_negative) ++at_;
    char* const magnitude = at_;
    if (*at_ == '0')
      ++at_;
    else if (!digits())
      return false;
    bool is_integer = true;
    if (*at_ == '.') {
      is_integer = false;
      ++at_;
      if (!digits()) return false;
    }
    if (*at_ == 'e' || *at_ == 'E') {
      is_integer = false;
      ++at_;
      if (*at_ == '+' || *at_ == '-') ++at_;
      if (!digits()) return false;
    }

    constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;
    std::uint64_t integer = 0;
    if (is_integer && std::from_chars(magnitude, at_, integer).ec == std::errc{} &&
        (!is_negative || integer <= kSignBit)) {
      if (is_negative || integer < kSignBit)
        pending_.push_back(
            {.kind = Kind::Number,
             .signed_integer = static_cast<std::int64_t>(is_negative ? 0 - integer : integer)});
      else
        pending_.push_back({.kind = Kind::Number, .number = Number::Unsigned, .unsigned_integer = integer});
      return true;
    }
    double real = 0;
    if (std::from_chars(begin, at_, real).ec != std::errc{}) {
      at_ = begin;
      return refuse("the number is out of range");
    }
    pending_.push_back({.kind = Kind::Number, .number = Number::Double, .real = real});
    return true;
  }

  bool string() {
    char* const text = ++at_;
    char* target = text;
    for (;;) {
      char* const plain = at_;
      at_ += end_of_plain(at_, end_) - at_;
      if (target != plain) std::memmove(target, plain, static_cast<std::size_t>(at_ - plain));
      target += at_ - plain;

      const auto c = static_cast<unsigned char>(*at_);
      if (c == '"') break;
      if (c == '\\') {
        if (!escape(target)) return false;
      } else if (c < 0x20) {
        return refuse("a control character, which a string has to escape");
      } else {
        const std::size_t length = utf8_length({at_, end_});
        if (length == 0) return refuse("the string is not UTF-8");
        std::memmove(target, at_, length);
        target += length;
        at_ += length;
      }
    }
    ++at_;
    pending_.push_back(
        {.kind = Kind::String, .size = static_cast<std::uint32_t>(target - text), .text = text});
    return true;
  }

  bool escape(char*& target) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (at_[1] == 'u') return unicode_escape(target);
    const std::size_t index = kLetters.find(at_[1]);
    if (index == std::string_view::npos) return refuse("an unknown escape");
    *target++ = kMeanings[index];
    at_ += 2;
    return true;
  }

  bool unicode_escape(char*& target) {
    const std::optional<std::uint32_t> unit = code_unit(at_);
    if (!unit) return refuse("'\\u' without four hexadecimal digits");
    std::uint32_t character = *unit;
    std::size_t used = 6;
    if (*unit >= 0xd800 && *unit <= 0xdfff) {
      // A character beyond U+FFFF is two units of UTF-16, the higher one first.
      const std::optional<std::uint32_t> low = code_unit(at_ + used);
      if (*unit >= 0xdc00 || !low || *low < 0xdc00 || *low > 0xdfff) return refuse("half a surrogate pair");
      character = 0x10000 + ((*unit - 0xd800) << 10) + (*low - 0xdc00);
      used += 6;
    }
    target = append_utf8(target, character);
    at_ += used;
    return true;
  }

  // Of "\u12ab"; empty if that is not what stands there.
  std::optional<std::uint32_t> code_unit(const char* escape) const {
    if (!std::string_view(escape, end_).starts_with("\\u") || end_ - escape < 6) return std::nullopt;
    std::uint32_t unit = 0;
    if (std::from_chars(escape + 2, escape + 6, unit, 16).ptr != escape + 6) return std::nullopt;
    return unit;
  }

  static char* append_utf8(char* target, std::uint32_t character) {
    const auto byte = [&](std::uint32_t value) { *target++ = static_cast<char>(value); };
    if (character < 0x80) {
      byte(character);
    } else if (character < 0x800) {
      byte(0xc0 | character >> 6);
      byte(0x80 | (character & 0x3f));
    } else if (character < 0x10000) {
      byte(0xe0 | character >> 12);
      byte(0x80 | (character >> 6 & 0x3f));
      byte(0x80 | (character & 0x3f));
    } else {
      byte(0xf0 | character >> 18);
      byte(0x80 | (character >> 12 & 0x3f));
      byte(0x80 | (character >> 6 & 0x3f));
      byte(0x80 | (character & 0x3f));
    }
    return target;
  }

  void skip_space() {
    for (;; ++at_) {
      if (*at_ == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      } else if (*at_ != ' ' && *at_ != '\t' && *at_ != '\r') {
        return;
      }
    }
  }

  bool refuse(std::string reason) {
    if (at_ == end_)
      refusal_ = "the text ends too early";
    else if (*at_ == '\0')
      refusal_ = "a NUL byte";
    else
      refusal_ = std::move(reason);
    return false;
  }

  char* at_;
  char* const end_;  // where std::string keeps a NUL byte, so that *at_ can always be read
  const char* line_start_;
  std::size_t line_ = 1;
  Arena& arena_;
  const Limits& limits_;
  std::vector<Open> open_;
  std::vector<Node> pending_;           // values, and keys, that no finished array or object has taken yet
  std::vector<std::string_view> keys_;  // of the object just ended; a member to keep its capacity
  std::string refusal_;
  bool has_repeated_keys_ = false;
};

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::Null: return "null";
    case Kind::Bool: return "a boolean";
    case Kind::Number: return "a number";
    case Kind::String: return "a string";
    case Kind::Array: return "an array";
    case Kind::Object: return "an object";
  }
  return "?";
}

Kind Value::kind() const { return node_of(node_).kind; }

bool Value::as_bool() const {
  const Node& node = node_of(node_);
  return node.kind == Kind::Bool && node.boolean;
}

std::string_view Value::as_string() const {
  const Node& node = node_of(node_);
  return node.kind == Kind::String ? text_of(node) : std::string_view();
}

double Value::as_double() const {
  const Node& node = node_of(node_);
  if (node.kind != Kind::Number) return 0;
  switch (node.number) {
    case Number::Signed: return static_cast<double>(node.signed_integer);
    case Number::Unsigned: return static_cast<double>(node.unsigned_integer);
    case Number::Double: return node.real;
  }
  return 0;
}

std::optional<std::int64_t> Value::as_int64() const {
  const Node& node = node_of(node_);
  if (node.kind != Kind::Number || node.number != Number::Signed) return std::nullopt;
  return node.signed_integer;
}

std::optional<std::uint64_t> Value::as_uint64() const {
  const Node& node = node_of(node_);
  if (node.kind != Kind::Number || node.number == Number::Double) return std::nullopt;
  if (node.number == Number::Unsigned) return node.unsigned_integer;
  if (node.signed_integer < 0) return std::nullopt;
  return static_cast<std::uint64_t>(node.signed_integer);
}

std::size_t Value::size() const {
  const Node& node = node_of(node_);
  return node.kind == Kind::Array || node.kind == Kind::Object ? node.size : 0;
}

Value Value::at(std::size_t index) const {
  const Node& node = node_of(node_);
  return Value(node.children + (node.kind == Kind::Object ? 2 * index + 1 : index));
}

std::string_view Value::key(std::size_t index) const { return text_of(node_of(node_).children[2 * index]); }

std::optional<Value> Value::find(std::string_view name) const {
  if (kind() != Kind::Object) return std::nullopt;
  for (std::size_t i = 0; i < size(); ++i)
    if (key(i) == name) return at(i);
  return std::nullopt;
}

std::string Value::to_text() const {
  Writer writer;
  writer.value(*this);
  return std::move(writer).text();
}

struct Document::State {
  std::string text;
  Arena arena;
  Node root;
  bool has_repeated_keys = false;
};

Document::Document(std::unique_ptr<State> state) : state_(std::move(state)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Value Document::root() const { return Value(&state_->root); }

bool Document::has_repeated_keys() const { return state_->has_repeated_keys; }

Result<Document> Document::parse(std::string text, const Limits& limits) {
  if (text.size() > std::min<std::size_t>(limits.bytes, std::numeric_limits<std::uint32_t>::max()))
    return error(Code::InvalidArgument, "the JSON text has {} bytes, more than the {} allowed", text.size(),
                 limits.bytes);
  auto state = std::make_unique<State>();
  state->text = std::move(text);

  Parser parser(state->text, state->arena, limits);
  state->root = TRY(parser.parse());
  state->has_repeated_keys = parser.has_repeated_keys();
  return Document(std::move(state));
}

Writer& Writer::key(std::string_view name) {
  if (style_ == Style::Compact && is_plain(name)) {
    append_plain(name, std::exchange(first_, false) ? Quoted::FirstKey : Quoted::NextKey, text_);
    after_key_ = true;
    return *this;
  }
  before_value();
  append_quoted(name);
  text_ += style_ == Style::Indented ? ": " : ":";
  after_key_ = true;
  return *this;
}

Writer& Writer::value(std::string_view text) {
  before_value();
  append_quoted(text);
  return *this;
}

Writer& Writer::value(double number) {
  if (!std::isfinite(number)) return null();
  return raw(fmt::format("{}", number == 0 ? 0.0 : number));  // "-0" would read back as an integer
}

Writer& Writer::signed_number(std::int64_t number) { return raw(fmt::format_int(number).c_str()); }

Writer& Writer::unsigned_number(std::uint64_t number) { return raw(fmt::format_int(number).c_str()); }

Writer& Writer::raw(std::string_view json) {
  before_value();
  text_ += json;
  return *this;
}

// As deep as the document was allowed to be.
Writer& Writer::value(const Value& tree) {
  switch (tree.kind()) {
    case Kind::Null: return null();
    case Kind::Bool: return value(tree.as_bool());
    case Kind::Number:
      if (const auto number = tree.as_int64()) return value(*number);
      if (const auto number = tree.as_uint64()) return value(*number);
      return value(tree.as_double());
    case Kind::String: return value(tree.as_string());
    case Kind::Array:
      begin_array();
      for (std::size_t i = 0; i < tree.size(); ++i) value(tree.at(i));
      return end_array();
    case Kind::Object:
      begin_object();
      for (std::size_t i = 0; i < tree.size(); ++i) key(tree.key(i)).value(tree.at(i));
      return end_object();
  }
  return *this;
}

Writer& Writer::begin(char bracket) {
  before_value();
  if (depth_ == 0) text_.reserve(text_.size() + kFirstRoom);
  text_ += bracket;
  ++depth_;
  first_ = true;
  return *this;
}

Writer& Writer::end(char bracket) {
  --depth_;
  if (!first_) break_line();
  text_ += bracket;
  first_ = false;
  return *this;
}

void Writer::before_value() {
  if (std::exchange(after_key_, false)) return;
  if (!std::exchange(first_, false)) text_ += ',';
  if (depth_ > 0) break_line();
}

void Writer::break_line() {
  if (style_ == Style::Compact) return;
  text_ += '\n';
  text_.append(2 * depth_, ' ');
}

void Writer::append_quoted(std::string_view text) {
  if (is_plain(text)) return append_plain(text, Quoted::Value, text_);
  const char* const end = text.data() + text.size();
  text_ += '"';
  while (!text.empty()) {
    // Runs of plain characters at once; a character that needs something alone.
    const auto plain = static_cast<std::size_t>(end_of_plain(text.data(), end) - text.data());
    text_.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    std::size_t used = 1;
    switch (const char c = text.front(); c) {
      case '"': text_ += "\\\""; break;
      case '\\': text_ += "\\\\"; break;
      case '\n': text_ += "\\n"; break;
      case '\r': text_ += "\\r"; break;
      case '\t': text_ += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x80) {
          fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(c));
        } else if (const std::size_t length = utf8_length(text); length > 0) {
          text_ += text.substr(0, length);
          used = length;
        } else {
          text_ += "\\ufffd";
        }
    }
    text.remove_prefix(used);
  }
  text_ += '"';
}

}  // namespace gantry::json
