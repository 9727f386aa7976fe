// SPDX-License-Identifier: Apache-2.0
#include "kube/protobuf/envelope.h"

#include <cstdint>

#include "kube/protobuf/message.h"

namespace gantry::kube::protobuf {
namespace {

constexpr std::string_view kMagic("k8s\0", 4);

// The numbers of the fields that stand in messages of apimachinery (runtime/generated.proto,
// meta/v1/generated.proto).
namespace unknown {
constexpr std::uint32_t kTypeMeta = 1, kRaw = 2, kContentEncoding = 3, kContentType = 4;
}
namespace type_meta {
constexpr std::uint32_t kApiVersion = 1, kKind = 2;
}
namespace list {
constexpr std::uint32_t kMetadata = 1, kItems = 2;
}
namespace list_meta {
constexpr std::uint32_t kResourceVersion = 2, kContinue = 3, kRemainingItemCount = 4;
}
namespace watch_event {
constexpr std::uint32_t kType = 1, kObject = 2;
}
namespace raw_extension {
constexpr std::uint32_t kRaw = 1;
}

Result<void> read_type_meta(std::string_view message, Envelope& envelope) {
  WireReader reader(message);
  while (!reader.is_at_end()) {
    const WireField field = TRY(reader.next());
    if (field.number_of_field == type_meta::kApiVersion) envelope.api_version = field.bytes;
    if (field.number_of_field == type_meta::kKind) envelope.kind = field.bytes;
  }
  return {};
}

}  // namespace

Result<Envelope> open_envelope(std::string_view body) {
  if (!body.starts_with(kMagic))
    return error(Code::InvalidArgument,
                 "the body does not begin with the four bytes of Kubernetes' protobuf");
  Envelope envelope;
  WireReader reader(body.substr(kMagic.size()));
  while (!reader.is_at_end()) {
    const WireField field = TRY(reader.next());
    switch (field.number_of_field) {
      case unknown::kTypeMeta: TRY(read_type_meta(field.bytes, envelope)); break;
      case unknown::kRaw: envelope.message = field.bytes; break;
      case unknown::kContentType: envelope.content_type = field.bytes; break;
      case unknown::kContentEncoding:
        if (!field.bytes.empty())
          return error(Code::Unsupported, "the body's object has the content encoding '{}'", field.bytes);
        break;
      default: break;
    }
  }
  return envelope;
}

Result<json::Tree> decode_object(const Envelope& envelope, const Type& type) {
  if (envelope.content_type == "application/json") return json::Tree::parse(std::string(envelope.message));
  if (!envelope.content_type.empty() && envelope.content_type != kMediaType)
    return error(Code::Unsupported, "the body's object has the content type '{}'", envelope.content_type);
  json::Tree object = TRY(decode(type, envelope.message));
  object.object()["apiVersion"] = envelope.api_version;
  object.object()["kind"] = envelope.kind;
  return object;
}

std::string envelope_head(std::string_view api_version, std::string_view kind, std::size_t message_size) {
  WireWriter writer;
  const std::size_t mark = writer.begin();
  writer.bytes(type_meta::kApiVersion, api_version);
  writer.bytes(type_meta::kKind, kind);
  writer.end(unknown::kTypeMeta, mark);
  writer.bytes_head(unknown::kRaw, message_size);
  return std::string(kMagic) + std::move(writer).message();
}

Result<std::string> encode_object(std::string_view api_version, std::string_view kind, const Type& type,
                                  const json::Value& object) {
  const std::string message = TRY(encode(type, object));
  return envelope_head(api_version, kind, message.size()) + message;
}

ListEncoder::ListEncoder(std::string_view api_version, std::string_view kind, const Type& item)
    : api_version_(api_version), kind_(kind), item_(item) {}

void ListEncoder::set_metadata(const ListMeta& metadata) {
  const std::size_t mark = writer_.begin();
  writer_.bytes(list_meta::kResourceVersion, metadata.resource_version);
  writer_.bytes(list_meta::kContinue, metadata.continue_token);
  if (metadata.remaining_items) writer_.integer(list_meta::kRemainingItemCount, *metadata.remaining_items);
  writer_.end(list::kMetadata, mark);
}

Result<void> ListEncoder::add(const json::Value& object) {
  const std::size_t mark = writer_.begin();
  TRY(encode_into(writer_, item_, object));
  writer_.end(list::kItems, mark);
  return {};
}

ListEncoder::Body ListEncoder::finish() && {
  return {.head = envelope_head(api_version_, kind_, writer_.size()), .rest = std::move(writer_).message()};
}

std::string watch_frame(std::string_view type, std::string_view object) {
  WireWriter writer;
  writer.bytes(watch_event::kType, type);
  const std::size_t mark = writer.begin();
  writer.bytes(raw_extension::kRaw, object);
  writer.end(watch_event::kObject, mark);
  const auto size = static_cast<std::uint32_t>(writer.size());
  std::string frame = {static_cast<char>(size >> 24), static_cast<char>(size >> 16),
                       static_cast<char>(size >> 8), static_cast<char>(size)};
  return frame.append(std::move(writer).message());
}

}  // namespace gantry::kube::protobuf
