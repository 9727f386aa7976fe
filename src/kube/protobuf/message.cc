// SPDX-License-Identifier: Apache-2.0
//
// The small types that Kubernetes writes as messages of their own are at the top, each with its way out and
// back; structs, lists and maps below.
#include "kube/protobuf/message.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <ctime>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/duration.h"
#include "base/printable.h"
#include "base/timestamp.h"
#include "kube/schema/decode.h"

namespace gantry::kube::protobuf {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;  // in a second
constexpr std::size_t kMaxDepth = kObjectLimits.depth;

// What may be a struct or something else is a message with a field for each; which, the types' names tell
// (JSONSchemaPropsOrBool of apiextensions/v1/generated.proto).
struct Union {
  std::uint32_t whole = 1;  // of the struct
  std::uint32_t flag = 0;   // 0: it is never one
  std::uint32_t list = 0;
  const Type* list_element = nullptr;
};

Union union_of(const Type& type) {
  static const Type kText{.form = Form::String};
  if (type.name.ends_with("OrBool")) return {.whole = 2, .flag = 1};
  if (type.name.ends_with("OrStringArray")) return {.list = 2, .list_element = &kText};
  return {.list = 2, .list_element = type.element};
}

// ---- out of JSON

Error wrong(std::string_view what) { return error(Code::InvalidArgument, "the value is not {}", what); }

Result<std::int64_t> integer_of(const json::Value& value) {
  const auto number = value.as_int64();
  if (!number) return wrong("an integer");
  return *number;
}

Result<std::string_view> text_of(const json::Value& value, std::string_view what) {
  if (value.kind() != json::Kind::String) return wrong(what);
  return value.as_string();
}

Result<void> encode_time(WireWriter& writer, const json::Value& value, bool with_fraction) {
  const auto time = parse_timestamp(TRY(text_of(value, "a time")));
  if (!time) return wrong("a time");
  std::int64_t seconds = *time / kNanoseconds;
  std::int64_t rest = *time % kNanoseconds;
  if (rest < 0) {
    rest += kNanoseconds;
    --seconds;
  }
  writer.integer(1, seconds);
  if (with_fraction) writer.integer(2, rest / 1000 * 1000);
  return {};
}

Result<void> encode_int_or_string(WireWriter& writer, const json::Value& value) {
  const bool is_text = value.kind() == json::Kind::String;
  writer.integer(1, is_text ? 1 : 0);
  if (is_text)
    writer.bytes(3, value.as_string());
  else
    writer.integer(2, TRY(integer_of(value)));
  return {};
}

Result<void> encode_value(WireWriter& writer, std::uint32_t number, const Type& type,
                          const json::Value& value);
Result<void> encode_list(WireWriter& writer, std::uint32_t number, const Type& type,
                         const json::Value& value);

Result<void> encode_union(WireWriter& writer, const Type& type, const json::Value& value) {
  const Union fields = union_of(type);
  const bool is_struct = value.kind() == json::Kind::Object;
  if (fields.flag != 0) writer.varint(fields.flag, is_struct || value.as_bool() ? 1 : 0);
  if (is_struct) return encode_value(writer, fields.whole, *type.element, value);
  if (value.kind() == json::Kind::Array && fields.list != 0)
    return encode_list(writer, fields.list, *fields.list_element, value);
  return value.kind() == json::Kind::Bool && fields.flag != 0 ? Result<void>()
                                                              : wrong("what its type may be");
}

// What is a message of its own: without its tag and length.
Result<void> encode_message(WireWriter& writer, const Type& type, const json::Value& value) {
  switch (type.form) {
    case Form::Time: return encode_time(writer, value, false);
    case Form::MicroTime: return encode_time(writer, value, true);
    case Form::IntOrString: return encode_int_or_string(writer, value);
    case Form::Quantity:
      writer.bytes(1, value.kind() == json::Kind::String ? std::string(value.as_string()) : value.to_text());
      return {};
    case Form::Duration:
      writer.integer(1, TRY(parse_duration(TRY(text_of(value, "a duration")))).count());
      return {};
    case Form::List: return encode_list(writer, 1, *type.element, value);  // one with a name
    case Form::Struct: return encode_into(writer, type, value);
    default: break;
  }
  if (type.element != nullptr) return encode_union(writer, type, value);
  writer.bytes(1, value.to_text());  // raw JSON
  return {};
}

Result<void> encode_value(WireWriter& writer, std::uint32_t number, const Type& type,
                          const json::Value& value) {
  switch (type.form) {
    case Form::Bool: writer.varint(number, value.as_bool() ? 1 : 0); return {};
    case Form::Int32:
    case Form::Int64: writer.integer(number, TRY(integer_of(value))); return {};
    case Form::Double: writer.real(number, value.as_double()); return {};
    case Form::String: writer.bytes(number, TRY(text_of(value, "a string"))); return {};
    case Form::Bytes: {
      const auto bytes = from_base64(TRY(text_of(value, "base64")));
      if (!bytes) return wrong("base64");
      writer.bytes(number, *bytes);
      return {};
    }
    default: break;
  }
  const std::size_t mark = writer.begin();
  if (!value.is_null()) TRY(encode_message(writer, type, value));
  writer.end(number, mark);
  return {};
}

Result<void> encode_list(WireWriter& writer, std::uint32_t number, const Type& type,
                         const json::Value& value) {
  for (std::size_t i = 0; i < value.size(); ++i) TRY(encode_value(writer, number, type, value.at(i)));
  return {};
}

Result<void> encode_map(WireWriter& writer, std::uint32_t number, const Type& type,
                        const json::Value& value) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    const std::size_t mark = writer.begin();
    writer.bytes(1, value.key(i));
    TRY(encode_value(writer, 2, type, value.at(i)));
    writer.end(number, mark);
  }
  return {};
}

bool is_plain_list(const Type& type) { return type.form == Form::List && type.name.empty(); }

Result<void> encode_field(WireWriter& writer, const Field& field, const json::Value& value) {
  std::vector<std::size_t> marks;
  for (std::size_t i = 0; i < field.inside.size(); ++i) marks.push_back(writer.begin());
  if (is_plain_list(*field.type))
    TRY(encode_list(writer, field.number, *field.type->element, value));
  else if (field.type->form == Form::Map)
    TRY(encode_map(writer, field.number, *field.type->element, value));
  else
    TRY(encode_value(writer, field.number, *field.type, value));
  // Readers put together what comes in several messages of one field, so each may have one for itself.
  for (std::size_t i = field.inside.size(); i-- > 0;) writer.end(field.inside[i], marks[i]);
  return {};
}

// ---- into JSON

json::Tree time_of(std::int64_t seconds, std::int64_t nanoseconds, bool with_fraction) {
  std::tm parts{};
  const time_t time = seconds;
  if (::gmtime_r(&time, &parts) == nullptr) return {};
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900L,
                                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (with_fraction) fmt::format_to(std::back_inserter(text), ".{:06}", nanoseconds / 1000);
  return text + "Z";
}

// Go's years reach from 1 to 9999.
constexpr std::int64_t kFirstSecond = -62135596800, kLastSecond = 253402300799;

class Decoder {
 public:
  Result<void> read_struct(const Type& type, std::string_view message, json::TreeObject& into);

 private:
  // Members of maps, which become objects all at once: putting them in one by one would take a time that
  // grows with the square of their number.
  struct PendingMap {
    const Field* field;
    std::vector<json::TreeObject::Member> members;
  };
  struct Struct {
    const Type& type;
    json::TreeObject& object;
    std::vector<PendingMap> maps;
  };

  Result<void> read_fields(Struct& into, std::vector<std::uint32_t>& inside, std::string_view message);
  Result<void> read_field(Struct& into, const Field& field, const WireField& wire);
  Result<json::TreeObject::Member> read_entry(const Type& element, std::string_view message);
  Result<json::Tree> read_value(const Type& type, const WireField& wire);
  Result<json::Tree> read_message(const Type& type, std::string_view message);
  Result<json::Tree> read_list(const Type& element, std::string_view message);
  Result<json::Tree> read_raw(std::string_view message) const;
  Result<json::Tree> read_union(const Type& type, std::string_view message);

  std::size_t depth_ = 0;
};

Result<std::string> text_of(const WireField& wire) {
  for (std::string_view rest = wire.bytes; !rest.empty();) {
    const std::size_t length = utf8_length(rest);
    if (length == 0) return error(Code::InvalidArgument, "a string in the protobuf message is not UTF-8");
    rest.remove_prefix(length);
  }
  return std::string(wire.bytes);
}

// Numbers of the messages that hold scalars alone, and their text, by field number.
struct Scalars {
  std::int64_t numbers[3] = {};
  std::string text;

  static Result<Scalars> read(std::string_view message) {
    Scalars found;
    WireReader reader(message);
    while (!reader.is_at_end()) {
      const WireField wire = TRY(reader.next());
      if (wire.type == WireType::Bytes)
        found.text = TRY(text_of(wire));
      else if (wire.number_of_field <= std::size(found.numbers))
        found.numbers[wire.number_of_field - 1] = static_cast<std::int64_t>(wire.number);
    }
    return found;
  }
};

Result<json::Tree> read_time(std::string_view message, bool with_fraction) {
  if (message.empty()) return json::Tree();  // none
  const Scalars time = TRY(Scalars::read(message));
  if (time.numbers[0] < kFirstSecond || time.numbers[0] > kLastSecond || time.numbers[1] < 0 ||
      time.numbers[1] >= kNanoseconds)
    return error(Code::InvalidArgument, "a time in the protobuf message is out of range");
  return time_of(time.numbers[0], time.numbers[1], with_fraction);
}

// As Go writes it: "1h30m0s", "1.5s", "0s".
std::string duration_text(std::int64_t nanoseconds) {
  const bool is_negative = nanoseconds < 0;
  std::uint64_t rest = static_cast<std::uint64_t>(nanoseconds);
  if (is_negative) rest = -rest;
  const auto fraction = [](std::uint64_t value, std::uint64_t unit) {
    std::string text = fmt::format("{}", value / unit);
    if (value % unit == 0) return text;
    std::string digits = fmt::format("{}", unit + value % unit).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    return fmt::format("{}.{}", text, digits);
  };
  std::string text = is_negative ? "-" : "";
  if (rest == 0) return "0s";
  if (rest < 1'000) return fmt::format("{}{}ns", text, rest);
  if (rest < 1'000'000) return fmt::format("{}{}µs", text, fraction(rest, 1'000));
  if (rest < kNanoseconds) return fmt::format("{}{}ms", text, fraction(rest, 1'000'000));
  const std::uint64_t minutes = rest / kNanoseconds / 60;
  if (minutes >= 60) text += fmt::format("{}h", minutes / 60);
  if (minutes > 0) text += fmt::format("{}m", minutes % 60);
  return fmt::format("{}{}s", text, fraction(rest % (60 * std::uint64_t{kNanoseconds}), kNanoseconds));
}

Result<json::Tree> Decoder::read_raw(std::string_view message) const {
  Scalars raw = TRY(Scalars::read(message));
  if (raw.text.empty()) return json::Tree();
  return TRY_DURING(json::Tree::parse(std::move(raw.text), {.depth = kMaxDepth - depth_}),
                    "read JSON in the protobuf message");
}

// The struct counts more than the flag that stands beside it.
Result<json::Tree> Decoder::read_union(const Type& type, std::string_view message) {
  const Union fields = union_of(type);
  bool is_set = false, is_struct = false;
  json::TreeArray list;
  json::Tree whole;
  WireReader reader(message);
  while (!reader.is_at_end()) {
    const WireField wire = TRY(reader.next());
    if (wire.number_of_field == fields.whole) {
      whole = TRY(read_value(*type.element, wire));
      is_struct = true;
    } else if (wire.number_of_field == fields.flag) {
      is_set = wire.number != 0;
    } else if (wire.number_of_field == fields.list) {
      list.push_back(TRY(read_value(*fields.list_element, wire)));
    }
  }
  if (is_struct) return whole;
  return fields.flag != 0 ? json::Tree(is_set) : json::Tree(std::move(list));
}

Result<json::Tree> Decoder::read_list(const Type& element, std::string_view message) {
  json::TreeArray list;
  WireReader reader(message);
  while (!reader.is_at_end()) {
    const WireField wire = TRY(reader.next());
    if (wire.number_of_field == 1) list.push_back(TRY(read_value(element, wire)));
  }
  return json::Tree(std::move(list));
}

Result<json::Tree> Decoder::read_message(const Type& type, std::string_view message) {
  switch (type.form) {
    case Form::Time: return read_time(message, false);
    case Form::MicroTime: return read_time(message, true);
    case Form::Duration: return json::Tree(duration_text(TRY(Scalars::read(message)).numbers[0]));
    case Form::Quantity: {
      Scalars quantity = TRY(Scalars::read(message));
      return quantity.text.empty() ? json::Tree("0") : json::Tree(std::move(quantity.text));
    }
    case Form::IntOrString: {
      Scalars either = TRY(Scalars::read(message));
      return either.numbers[0] == 1 ? json::Tree(std::move(either.text)) : json::Tree(either.numbers[1]);
    }
    case Form::Struct: {
      json::TreeObject object;
      TRY(read_struct(type, message, object));
      return json::Tree(std::move(object));
    }
    case Form::List: return read_list(*type.element, message);
    default: return type.element == nullptr ? read_raw(message) : read_union(type, message);
  }
}

bool is_message(Form form) {
  switch (form) {
    case Form::Bool:
    case Form::Int32:
    case Form::Int64:
    case Form::Double:
    case Form::String:
    case Form::Bytes: return false;
    default: return true;
  }
}

WireType wire_type_of(Form form) {
  switch (form) {
    case Form::Bool:
    case Form::Int32:
    case Form::Int64: return WireType::Varint;
    case Form::Double: return WireType::Fixed64;
    default: return WireType::Bytes;
  }
}

Result<void> require(WireType type, const WireField& wire) {
  if (wire.type == type) return {};
  return error(Code::InvalidArgument, "field {} of the protobuf message has the wire type {}",
               wire.number_of_field, static_cast<int>(wire.type));
}

Result<json::Tree> read_double(const WireField& wire) {
  const auto number = std::bit_cast<double>(wire.number);
  if (!std::isfinite(number))
    return error(Code::InvalidArgument, "a number in the protobuf message is not finite");
  return json::Tree(number);
}

Result<json::Tree> Decoder::read_value(const Type& type, const WireField& wire) {
  TRY(require(wire_type_of(type.form), wire));
  if (is_message(type.form)) return read_message(type, wire.bytes);
  switch (type.form) {
    case Form::Bool: return json::Tree(wire.number != 0);
    case Form::Int32: return json::Tree(static_cast<std::int32_t>(wire.number));
    case Form::Int64: return json::Tree(static_cast<std::int64_t>(wire.number));
    case Form::Double: return read_double(wire);
    case Form::Bytes: return json::Tree(to_base64(wire.bytes));
    default: return json::Tree(TRY(text_of(wire)));
  }
}

Result<json::TreeObject::Member> Decoder::read_entry(const Type& element, std::string_view message) {
  json::TreeObject::Member entry;
  bool has_value = false;
  WireReader reader(message);
  while (!reader.is_at_end()) {
    const WireField wire = TRY(reader.next());
    if (wire.number_of_field == 1) entry.first = TRY(text_of(wire));
    if (wire.number_of_field != 2) continue;
    entry.second = TRY(read_value(element, wire));
    has_value = true;
  }
  // What is left out is the zero of its type.
  if (!has_value)
    entry.second = TRY(read_value(element, {.number_of_field = 2, .type = wire_type_of(element.form)}));
  return entry;
}

// Nothing, where the sender cannot help saying something.
bool is_zero(const Field& field, const json::Tree& value) {
  if (value.is_null()) return true;
  if (field.keeps_zero || field.is_required) return false;
  switch (field.type->form) {
    case Form::Bool: return !value.as_bool();
    case Form::Int32:
    case Form::Int64:
    case Form::Double: return value.as_double() == 0;
    case Form::String:
    case Form::Bytes: return value.as_string().empty();
    case Form::IntOrString: return value.as_int64() == 0;
    default: return false;
  }
}

Result<void> Decoder::read_field(Struct& into, const Field& field, const WireField& wire) {
  if (is_plain_list(*field.type)) {
    into.object[field.name].array().push_back(TRY(read_value(*field.type->element, wire)));
    return {};
  }
  if (field.type->form == Form::Map) {
    TRY(require(WireType::Bytes, wire));
    auto map = std::ranges::find(into.maps, &field, &PendingMap::field);
    if (map == into.maps.end()) map = into.maps.insert(map, {&field, {}});
    map->members.push_back(TRY(read_entry(*field.type->element, wire.bytes)));
    return {};
  }
  if (field.type->form == Form::Struct && wire.type == WireType::Bytes)
    return read_struct(*field.type, wire.bytes, into.object[field.name].object());
  json::Tree value = TRY(read_value(*field.type, wire));
  if (is_zero(field, value))
    into.object.erase(field.name);
  else
    into.object[field.name] = std::move(value);
  return {};
}

bool begins_with(std::span<const std::uint32_t> path, std::span<const std::uint32_t> start) {
  return path.size() >= start.size() && std::ranges::equal(path.first(start.size()), start);
}

Result<void> Decoder::read_fields(Struct& into, std::vector<std::uint32_t>& inside,
                                  std::string_view message) {
  WireReader reader(message);
  while (!reader.is_at_end()) {
    const WireField wire = TRY(reader.next());
    const Field* found = nullptr;
    for (const Field& field : into.type.fields)
      if (field.number == wire.number_of_field && std::ranges::equal(field.inside, inside)) found = &field;
    if (found != nullptr) {
      TRY_DURING(read_field(into, *found, wire), "{}", found->name);
      continue;
    }
    inside.push_back(wire.number_of_field);
    const bool is_inside = std::ranges::any_of(
        into.type.fields, [&](const Field& field) { return begins_with(field.inside, inside); });
    if (is_inside && wire.type == WireType::Bytes) TRY(read_fields(into, inside, wire.bytes));
    inside.pop_back();
  }
  return {};
}

Result<void> Decoder::read_struct(const Type& type, std::string_view message, json::TreeObject& into) {
  if (depth_ >= kMaxDepth)
    return error(Code::InvalidArgument, "the protobuf message is nested deeper than {} levels", kMaxDepth);
  ++depth_;
  Struct target{.type = type, .object = into, .maps = {}};
  std::vector<std::uint32_t> inside;
  TRY(read_fields(target, inside, message));
  for (PendingMap& map : target.maps) into[map.field->name] = json::TreeObject(std::move(map.members));
  --depth_;
  return {};
}

}  // namespace

Result<void> encode_into(WireWriter& writer, const Type& type, const json::Value& value) {
  for (const Field& field : type.fields) {
    if (field.number == 0) continue;
    const auto member = value.find(field.name);
    if (member && !member->is_null()) TRY_DURING(encode_field(writer, field, *member), "{}", field.name);
  }
  return {};
}

Result<std::string> encode(const Type& type, const json::Value& value) {
  WireWriter writer;
  TRY(encode_into(writer, type, value));
  return std::move(writer).message();
}

Result<json::Tree> decode(const Type& type, std::string_view message) {
  json::TreeObject object;
  TRY(Decoder().read_struct(type, message, object));
  return json::Tree(std::move(object));
}

}  // namespace gantry::kube::protobuf
