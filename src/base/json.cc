// SPDX-License-Identifier: Apache-2.0
//
// RapidJSON's reader does the grammar; the tree is ours: nodes of 16 bytes whose strings stay in the
// text they were parsed from, and no destructor that walks it.
#include "base/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <rapidjson/reader.h>

#include "base/printable.h"

namespace gantry::json {
namespace {

enum class Number : std::uint8_t { Signed, Unsigned, Double };

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

// RapidJSON's stream concept over a text that ends with a NUL byte. Strings are decoded in place (they
// only shrink), which is why lines are counted on the way: afterwards the text cannot tell any more.
class InSituStream {
 public:
  using Ch = char;
  explicit InSituStream(char* text) : source_(text), start_(text), line_start_(text) {}

  Ch Peek() const { return *source_; }
  Ch Take() {
    if (*source_ == '\n') [[unlikely]] {
      ++line_;
      line_start_ = source_ + 1;
    }
    return *source_++;
  }
  std::size_t Tell() const { return static_cast<std::size_t>(source_ - start_); }

  Ch* PutBegin() { return target_ = source_; }
  void Put(Ch c) { *target_++ = c; }
  std::size_t PutEnd(const Ch* begin) { return static_cast<std::size_t>(target_ - begin); }
  void Flush() {}

  std::size_t line() const { return line_; }
  std::size_t column() const { return static_cast<std::size_t>(source_ - line_start_) + 1; }

 private:
  char* source_;
  char* target_ = nullptr;
  const char* start_;
  const char* line_start_;
  std::size_t line_ = 1;
};

// Receives the reader's events and builds the tree from the leaves up. A function that returns false
// ends parsing, with the reason in refusal().
class Builder {
 public:
  Builder(Arena& arena, std::size_t depth_limit) : arena_(arena), depth_limit_(depth_limit) {}

  bool Null() { return push({.kind = Kind::Null}); }
  bool Bool(bool value) { return push({.kind = Kind::Bool, .boolean = value}); }
  bool Int(int value) { return Int64(value); }
  bool Uint(unsigned value) { return Int64(value); }
  bool Int64(std::int64_t value) { return push({.kind = Kind::Number, .signed_integer = value}); }
  bool Uint64(std::uint64_t value) {
    if (std::in_range<std::int64_t>(value)) return Int64(static_cast<std::int64_t>(value));
    return push({.kind = Kind::Number, .number = Number::Unsigned, .unsigned_integer = value});
  }
  bool Double(double value) { return push({.kind = Kind::Number, .number = Number::Double, .real = value}); }
  bool RawNumber(const char*, rapidjson::SizeType, bool) { return false; }  // only by a flag not used
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return push({.kind = Kind::String, .size = size, .text = text});
  }
  bool Key(const char* text, rapidjson::SizeType size, bool copy) { return String(text, size, copy); }
  bool StartObject() { return descend(); }
  bool StartArray() { return descend(); }
  bool EndObject(rapidjson::SizeType members) {
    return is_each_key_once(members) && ascend(Kind::Object, members, 2 * std::size_t{members});
  }
  bool EndArray(rapidjson::SizeType values) { return ascend(Kind::Array, values, values); }

  // The finished tree.
  Node root() const { return pending_.front(); }
  const std::string& refusal() const { return refusal_; }

 private:
  bool push(Node node) {
    pending_.push_back(node);
    return true;
  }

  bool descend() {
    if (++depth_ <= depth_limit_) return true;
    refusal_ = fmt::format("nested deeper than {} levels", depth_limit_);
    return false;
  }

  bool ascend(Kind kind, std::uint32_t size, std::size_t nodes) {
    --depth_;
    Node* children = arena_.allocate(nodes);
    const auto first = pending_.end() - static_cast<std::ptrdiff_t>(nodes);
    std::copy(first, pending_.end(), children);
    pending_.erase(first, pending_.end());
    return push({.kind = kind, .size = size, .children = children});
  }

  bool is_each_key_once(std::size_t members) {
    const Node* const first = pending_.data() + pending_.size() - 2 * members;
    keys_.clear();
    for (std::size_t i = 0; i < members; ++i) keys_.push_back(text_of(first[2 * i]));
    std::ranges::sort(keys_);
    const auto twice = std::ranges::adjacent_find(keys_);
    if (twice == keys_.end()) return true;
    refusal_ = fmt::format("the object that ends here has the key '{}' twice", printable(*twice));
    return false;
  }

  Arena& arena_;
  const std::size_t depth_limit_;
  std::size_t depth_ = 0;
  std::vector<Node> pending_;           // values that no finished array or object has taken yet
  std::vector<std::string_view> keys_;  // of the object just ended; a member to keep its capacity
  std::string refusal_;
};

std::string_view explain(rapidjson::ParseErrorCode code) {
  switch (code) {
    case rapidjson::kParseErrorDocumentEmpty: return "the text is empty";
    case rapidjson::kParseErrorDocumentRootNotSingular: return "something follows the value";
    case rapidjson::kParseErrorValueInvalid: return "expected a value";
    case rapidjson::kParseErrorObjectMissName: return "expected a key in double quotes";
    case rapidjson::kParseErrorObjectMissColon: return "expected ':' after the key";
    case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket: return "expected ',' or '}'";
    case rapidjson::kParseErrorArrayMissCommaOrSquareBracket: return "expected ',' or ']'";
    case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
      return "expected four hexadecimal digits after '\\u'";
    case rapidjson::kParseErrorStringUnicodeSurrogateInvalid: return "half a surrogate pair";
    case rapidjson::kParseErrorStringEscapeInvalid:
      return "wrong escape or a bare control character in a string";
    case rapidjson::kParseErrorStringMissQuotationMark: return "the string does not end";
    case rapidjson::kParseErrorStringInvalidEncoding: return "the string is not UTF-8";
    case rapidjson::kParseErrorNumberTooBig: return "the number is too big";
    case rapidjson::kParseErrorNumberMissFraction: return "expected a digit after '.'";
    case rapidjson::kParseErrorNumberMissExponent: return "expected a digit in the exponent";
    default: return "not JSON";
  }
}

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

bool Value::as_bool() const { return node_of(node_).boolean; }

std::string_view Value::as_string() const { return text_of(node_of(node_)); }

double Value::as_double() const {
  const Node& node = node_of(node_);
  switch (node.number) {
    case Number::Signed: return static_cast<double>(node.signed_integer);
    case Number::Unsigned: return static_cast<double>(node.unsigned_integer);
    case Number::Double: return node.real;
  }
  return 0;
}

std::optional<std::int64_t> Value::as_int64() const {
  const Node& node = node_of(node_);
  if (node.number != Number::Signed) return std::nullopt;
  return node.signed_integer;
}

std::optional<std::uint64_t> Value::as_uint64() const {
  const Node& node = node_of(node_);
  if (node.number == Number::Unsigned) return node.unsigned_integer;
  if (node.number == Number::Double || node.signed_integer < 0) return std::nullopt;
  return static_cast<std::uint64_t>(node.signed_integer);
}

std::size_t Value::size() const { return node_of(node_).size; }

Value Value::at(std::size_t index) const {
  const Node& node = node_of(node_);
  return Value(node.children + (node.kind == Kind::Object ? 2 * index + 1 : index));
}

std::string_view Value::key(std::size_t index) const { return text_of(node_of(node_).children[2 * index]); }

std::optional<Value> Value::find(std::string_view name) const {
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
};

Document::Document(std::unique_ptr<State> state) : state_(std::move(state)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Value Document::root() const { return Value(&state_->root); }

Result<Document> Document::parse(std::string text, const Limits& limits) {
  if (text.size() > limits.bytes)
    return error(Code::InvalidArgument, "the JSON text has {} bytes, more than the {} allowed", text.size(),
                 limits.bytes);
  auto state = std::make_unique<State>();
  state->text = std::move(text);

  constexpr unsigned kFlags = rapidjson::kParseInsituFlag | rapidjson::kParseIterativeFlag |
                              rapidjson::kParseFullPrecisionFlag | rapidjson::kParseValidateEncodingFlag;
  InSituStream stream(state->text.data());
  Builder builder(state->arena, limits.depth);
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);

  std::string_view reason;
  if (result.Code() == rapidjson::kParseErrorTermination)
    reason = builder.refusal();
  else if (result.IsError())
    reason = explain(result.Code());
  else if (stream.Tell() != state->text.size())
    reason = "a NUL byte";  // which RapidJSON takes for the end of the text
  if (!reason.empty())
    return error(Code::InvalidArgument, "JSON line {} column {}: {}", stream.line(), stream.column(), reason);

  state->root = builder.root();
  return Document(std::move(state));
}

Writer& Writer::key(std::string_view name) {
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
  return raw(fmt::format("{}", number));
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
  text_ += '"';
  while (!text.empty()) {
    // Runs of plain characters at once; a character that needs something alone.
    const std::size_t plain = static_cast<std::size_t>(
        std::ranges::find_if(text,
                             [](unsigned char c) { return c < 0x20 || c == '"' || c == '\\' || c >= 0x7f; }) -
        text.begin());
    text_ += text.substr(0, plain);
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
