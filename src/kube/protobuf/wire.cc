// SPDX-License-Identifier: Apache-2.0
#include "kube/protobuf/wire.h"

#include <cstring>

namespace gantry::kube::protobuf {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kMaxVarint = 10;  // bytes
constexpr std::uint64_t kMaxField = (1U << 29) - 1;

// A varint on its way into a buffer.
struct Varint {
  explicit Varint(std::uint64_t value) {
    while (value >= 0x80) {
      bytes[size++] = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    bytes[size++] = static_cast<char>(value);
  }
  std::string_view view() const { return {bytes, size}; }

  char bytes[kMaxVarint];
  std::size_t size = 0;
};

Varint tag(std::uint32_t field, WireType type) {
  return Varint(std::uint64_t{field} << 3 | static_cast<std::uint64_t>(type));
}

Error cut_off() { return error(Code::InvalidArgument, "the protobuf message ends in the middle of a field"); }

}  // namespace

Result<std::uint64_t> WireReader::varint() {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kMaxVarint && i < rest_.size(); ++i) {
    const auto byte = static_cast<unsigned char>(rest_[i]);
    value |= std::uint64_t{byte & 0x7FU} << (7 * i);
    if (byte < 0x80) {
      rest_.remove_prefix(i + 1);
      return value;
    }
  }
  if (rest_.size() < kMaxVarint) return cut_off();
  return error(Code::InvalidArgument, "the protobuf message has a number of more than 64 bits");
}

Result<std::string_view> WireReader::take(std::uint64_t size) {
  if (size > rest_.size()) return cut_off();
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

Result<std::uint64_t> WireReader::fixed(std::size_t size) {
  const std::string_view bytes = TRY(take(size));
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), size);
  return value;
}

Result<WireField> WireReader::next() {
  const std::uint64_t head = TRY(varint());
  WireField field{.type = static_cast<WireType>(head & 7)};
  if (head >> 3 == 0 || head >> 3 > kMaxField)
    return error(Code::InvalidArgument, "the protobuf message has a field with the number {}", head >> 3);
  field.number_of_field = static_cast<std::uint32_t>(head >> 3);
  switch (field.type) {
    case WireType::Varint: field.number = TRY(varint()); return field;
    case WireType::Fixed64: field.number = TRY(fixed(8)); return field;
    case WireType::Fixed32: field.number = TRY(fixed(4)); return field;
    case WireType::Bytes: field.bytes = TRY(take(TRY(varint()))); return field;
  }
  return error(Code::InvalidArgument, "the protobuf message has a field of wire type {}", head & 7);
}

void WireWriter::varint(std::uint32_t field, std::uint64_t value) {
  out_.append(tag(field, WireType::Varint).view()).append(Varint(value).view());
}

void WireWriter::real(std::uint32_t field, double value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out_.append(tag(field, WireType::Fixed64).view()).append(bytes, sizeof bytes);
}

void WireWriter::bytes_head(std::uint32_t field, std::size_t size) {
  out_.append(tag(field, WireType::Bytes).view()).append(Varint(size).view());
}

void WireWriter::bytes(std::uint32_t field, std::string_view value) {
  bytes_head(field, value.size());
  out_.append(value);
}

// Messages are small and seldom deep: moving them by a few bytes costs less than to measure them first.
void WireWriter::end(std::uint32_t field, std::size_t mark) {
  const Varint length(out_.size() - mark);
  const Varint head = tag(field, WireType::Bytes);
  out_.insert(mark, length.view());
  out_.insert(mark, head.view());
}

}  // namespace gantry::kube::protobuf
